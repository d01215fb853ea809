"""Tokenizers and text encoders, the null prompt, the embedding cache."""
