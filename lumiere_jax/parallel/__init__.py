"""Meshes, axis rules, placement of batches, multi-host start-up."""
