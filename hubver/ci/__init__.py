"""What GitHub's jobs do with the verbs: ask which candidates there are, and tell GitHub what became of them."""
