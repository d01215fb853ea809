"""Folders of captioned clips to datasets, and datasets to batches."""
