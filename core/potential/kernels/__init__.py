"""What takes the network's time on a CPU: products with small matrices, and messages row by row."""
