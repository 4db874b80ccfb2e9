"""Training of the digit network: practice pages, targets, annotated scans, validation, report."""
