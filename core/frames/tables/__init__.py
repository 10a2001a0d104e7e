"""Tables with a row per structure or formula: their columns, units and cells."""
