"""What the weights of two revisions say themselves: read from safetensors by parts, compared without torch."""
