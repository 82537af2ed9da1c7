"""A training that runs, observed: what its own objects say, asked for without disturbing it."""
