"""Three routes to one swap: a source file, a live model, the running process."""
