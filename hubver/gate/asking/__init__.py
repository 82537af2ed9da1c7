"""Putting questions to models: what is asked, by which task, of whom, and what came back."""
