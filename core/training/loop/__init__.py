"""The training loop: schedule, checkpoints, events, stopping, and the pre-flight check."""
