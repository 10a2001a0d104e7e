"""Settings of a run: configuration, methods, presets, metrics. Nothing here imports torch."""
