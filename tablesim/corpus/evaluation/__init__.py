"""Evaluation: neighbours, clusters and embeddings against labels that a person gave."""
