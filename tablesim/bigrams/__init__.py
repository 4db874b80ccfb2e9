"""bigrams."""
