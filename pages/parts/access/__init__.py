"""Who is let into the dashboard."""
