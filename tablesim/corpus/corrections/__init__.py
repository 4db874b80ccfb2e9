"""Corrections: what people read otherwise than the machine, logged and worked into a run."""
