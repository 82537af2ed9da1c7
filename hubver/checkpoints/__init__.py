"""Checkpoints of a running training on their way to the Hub: set aside at once, published behind its back."""
