"""Moving relevance: propagation of many outputs, tiles, receptive windows; ranking, memory, trials, refusals."""
