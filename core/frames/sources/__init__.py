"""Sources of frames in many forms, and their import as data sets."""
