"""CHGNet on packed batches: graphs, batches, the forward pass, checkpoints, predictions."""
