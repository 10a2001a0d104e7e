"""What the page Compare models is made of."""
