"""The network to first order in its parameters: gradient rows, and networks moved along them."""
