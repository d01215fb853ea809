"""Files of moving pictures to uint8 frames and back.  No jax here."""
