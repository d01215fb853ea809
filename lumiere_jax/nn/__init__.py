"""Layers with no opinion about diffusion."""
