"""Models exported from runs: the checkpoint and its card."""
