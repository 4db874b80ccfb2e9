"""Recording one forward pass: the tape, the dispatch watcher, operations and attention."""
