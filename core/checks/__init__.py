"""What ruins a fine-tuning, found before it: the checks of a data set, gathered by `doctor`."""
