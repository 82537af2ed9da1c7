"""Running the gates in a process of their own, and what of them is kept and told."""
