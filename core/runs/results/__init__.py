"""Results of runs: curves, quantities, comparison, beside the paper."""
