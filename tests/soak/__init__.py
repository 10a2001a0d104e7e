"""Servers and runs killed at random, for as long as one likes."""
