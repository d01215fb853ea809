"""Lumiere for JAX: space-time diffusion models for video, trained on TPUs."""

__version__ = "0.1.0"
