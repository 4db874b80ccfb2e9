"""Evaluation of readings against what is printed: transcriptions, alignment, scores."""
