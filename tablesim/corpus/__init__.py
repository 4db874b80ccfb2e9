"""Runs: the store, its filling, search, clusters, and figures against labels."""
