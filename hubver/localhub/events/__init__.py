"""Telling others of what has changed: listeners in the process, webhooks outside."""
