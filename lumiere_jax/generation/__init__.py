"""A loaded generator: text, base, super-resolution and pixels."""
