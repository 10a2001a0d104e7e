"""Runs: one directory a training, the processes that fill it, and the list of them all."""
