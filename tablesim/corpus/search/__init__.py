"""Search: the nearest pages by exact cosine, from a page or from typed numbers."""
