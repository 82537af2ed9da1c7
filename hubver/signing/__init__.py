"""Signatures on published models, in the format and by the code of OpenSSF model-signing (extra `hubver[sign]`)."""
