"""Many structures relaxed together on packed batches."""
