"""Where pages come from and what is known of them: folders, PDFs, TIFFs, IIIF, metadata; image cleaning."""
