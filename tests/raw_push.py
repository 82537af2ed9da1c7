"""Pushes that stock git would not make, because it looks at what the server says first."""

from __future__ import annotations

from dulwich.client import get_transport_and_path
from dulwich.objects import Blob, Commit, Tree
from dulwich.pack import UnpackedObject

ZERO = b"0" * 40


def push_with_dulwich(hub, repo, old_to_new, *, atomic, objects=()):
    """Push moves as they are, whatever the server advertised, so that the server alone decides."""
    client, path = get_transport_and_path(f"{hub.url}/{repo}", username="anyone", password=hub.token)

    def believed(_):
        return {ref: new for ref, (_, new) in old_to_new.items()}

    original = client._discover_references

    def discover(*arguments, **keywords):
        result = original(*arguments, **keywords)
        for ref, (old, _) in old_to_new.items():
            result[0].pop(ref, None)
            if old != ZERO:
                result[0][ref] = old
        return result

    client._discover_references = discover

    def pack(_have, _want, **_keywords):
        return len(objects), iter(_unpacked(objects))

    try:
        return client.send_pack(path, believed, pack, atomic=atomic).ref_status
    finally:
        client.pool_manager.clear()


def _unpacked(objects):
    return [UnpackedObject(o.type_num, sha=o.sha().digest(), decomp_chunks=o.as_raw_chunks()) for o in objects]


def new_commit(parents, content=b"event"):
    blob = Blob.from_string(content)
    tree = Tree()
    tree.add(b"event.json", 0o100644, blob.id)
    commit = Commit()
    commit.tree, commit.parents, commit.message = tree.id, parents, b"event"
    commit.author = commit.committer = b"dev <dev@example.org>"
    commit.author_time = commit.commit_time = 1_700_000_000
    commit.author_timezone = commit.commit_timezone = 0
    return commit, [blob, tree, commit]
