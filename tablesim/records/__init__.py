"""Records: what the rooms hand to each other; data without work, below everything but the errors."""
