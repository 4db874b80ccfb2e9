"""Storage: the files of a run folder, whole or not there, and the tables in them."""
