"""Training a potential on labelled frames: settings, the step, scoring, the loop."""
