"""The toybox's scenes to pixels on an accelerator, many clips at once."""
