"""Moving relevance: propagation of many outputs, tiles, receptive windows, ranking."""
