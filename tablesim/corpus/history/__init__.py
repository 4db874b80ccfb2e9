"""History: entropy of the clusters over years and places, with a null model."""
