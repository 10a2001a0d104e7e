"""What all figures share: theme, colors, text, scales, provenance, the periodic table."""
