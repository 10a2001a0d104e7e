"""The run directory: configuration, status, events, listing."""
