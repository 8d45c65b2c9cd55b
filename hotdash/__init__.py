"""hotdash."""
