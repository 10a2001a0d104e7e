"""Forms of ASE: trajectories, databases, and outputs of codes that ASE reads."""
