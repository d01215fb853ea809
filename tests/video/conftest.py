"""Fixtures of the room."""

from disks import tiny_disk

__all__ = ["tiny_disk"]
