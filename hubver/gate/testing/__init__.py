"""The gate inside pytest: hooks, and the fixtures that a test sees."""
