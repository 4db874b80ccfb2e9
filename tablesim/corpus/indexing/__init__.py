"""Indexing: finds and hashes the scans and reads them, in one process, a pool, or on a Dask cluster."""
