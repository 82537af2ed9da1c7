"""What lies in a run's output folder: which files travel, what they say, and what is wrong with them."""
