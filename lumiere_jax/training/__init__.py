"""State, pure step, the one loop, optimizer, checkpoints, metric writing."""
