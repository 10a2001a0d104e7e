"""Sources of frames in JSON: MPtrj, MatPES, pymatgen's entries and others."""
