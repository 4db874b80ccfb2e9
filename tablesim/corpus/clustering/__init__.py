"""Clustering: pages that carry the same table, their stability, and what describes each cluster."""
