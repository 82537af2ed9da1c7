"""What a model was made from: its base and its data, known again by their digests."""
