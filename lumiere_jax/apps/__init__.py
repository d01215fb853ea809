"""Applications: what a person gives, and what the generator is told."""
