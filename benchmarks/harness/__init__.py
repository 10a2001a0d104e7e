"""What the benchmarks share: the structures, the two sides' inputs, clocks, memory, the answer."""
