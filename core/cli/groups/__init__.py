"""Commands on groups of runs: experiments and sweeps."""
