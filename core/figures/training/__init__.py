"""Figures of training runs: learning curves, gradients, parity."""
