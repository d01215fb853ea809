"""The same work in other programs, side by side in one run."""
