"""The workbench: a run looked at, corrected and decided in the browser, served to this machine alone."""
