"""What people decide about the machine's clusters: a log that is only added to, and what follows from it."""
