"""The people and jobs that use a Hub: who they are, and what they may do."""
