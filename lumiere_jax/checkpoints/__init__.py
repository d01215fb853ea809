"""Checkpoints that are whole, sealed with checksums, and checked when read."""
