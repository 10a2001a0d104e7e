"""One training step: model set-up, batches, loss, optimizer, compilation, parallel processes."""
