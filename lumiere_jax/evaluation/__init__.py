"""What a generated clip is worth, as numbers."""
