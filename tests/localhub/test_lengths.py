from __future__ import annotations

import random

from dulwich.objects import Commit, Tree
from dulwich.repo import MemoryRepo

from hubver.localhub.repos.lengths import Lengths


def test_what_is_remembered_of_a_history_is_what_a_walk_would_find():
    store = MemoryRepo().object_store
    tree = Tree()
    store.add_object(tree)
    history: list[bytes] = []
    for number in range(40):
        commit = Commit()
        commit.tree, commit.parents = tree.id, history[-1:]
        commit.author = commit.committer = b"dev <dev@example.org>"
        commit.author_time = commit.commit_time = number
        commit.author_timezone = commit.commit_timezone = 0
        commit.message = b"parent 1\n\nparent %d" % number
        store.add_object(commit)
        history.append(commit.id)
    lengths, draw = Lengths(stride=4), random.Random(0)
    for _ in range(1000):
        tip, steps = draw.randrange(40), draw.randrange(50)
        reached = (history[max(0, tip - steps)], max(0, steps - tip))
        assert lengths.skip(store, history[tip].decode(), steps) == reached
        assert lengths.of(store, history[tip].decode()) == tip + 1
