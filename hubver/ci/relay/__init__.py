"""Webhooks of the Hub become dispatches on GitHub: as a server, and as a Job that the Hub starts by itself."""
