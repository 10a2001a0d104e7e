"""Reports of runs, experiments and sweeps: one self-contained page, or an archive."""
