"""Evaluation: how neighbours, clusters and embeddings agree with labels that people gave."""
