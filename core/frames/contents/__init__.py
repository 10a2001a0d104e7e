"""What a data set holds: numbers per frame, their distributions, filters, pages of frames."""
