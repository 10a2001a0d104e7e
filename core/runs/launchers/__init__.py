"""Where the processes of runs work: this machine, or a cluster with Slurm."""
