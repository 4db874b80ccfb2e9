"""Recording one forward pass: the tape, functions in their steps, what kind each operation is, and its slopes."""
