"""Runs: the store, its filling, search, clusters, and scores against labels."""
