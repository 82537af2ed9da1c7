"""Xet storage: large files cut into chunks by their content, each chunk stored once.

The client (`hf_xet`) cuts and hashes; this side checks what it says and keeps it. The words are the protocol's:

- a *chunk* is 8 to 128 KiB of a file, known by its hash;
- a *xorb* is up to 64 MiB of chunks, each compressed by itself;
- a *term* is a run of chunks in a xorb, and a file is a list of terms;
- a *shard* is what a client sends after its xorbs: the files that they make up.

The formats are those of https://huggingface.co/docs/xet and https://github.com/huggingface/xet-core.
"""

from __future__ import annotations
