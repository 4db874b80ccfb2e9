"""Astronomy: base sixty, planetary theories and the functions that tables print, each with its source."""
