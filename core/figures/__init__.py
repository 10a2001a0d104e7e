"""Plotly figures: each function takes plain data and returns a `go.Figure`; one theme for all."""
