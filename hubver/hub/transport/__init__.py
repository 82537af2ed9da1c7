"""How refs move on a Hub: by one git push where that can be had, else step by step over the HTTP API."""
