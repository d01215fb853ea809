"""What was trained on what, and by what right."""
