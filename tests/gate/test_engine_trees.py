from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubver.gate.engine.trees import Tree, trees

CONTINUATIONS = st.lists(
    st.lists(st.integers(0, 2), min_size=1, max_size=6).map(tuple), min_size=1, max_size=12, unique=True
)


def test_what_continuations_begin_with_is_in_the_tree_once():
    tree = Tree.of([(7, 1, 3, 9), (7, 1, 2, 9), (7, 4, 4, 9)])
    assert tree.continuations == ((7, 1, 2, 9), (7, 1, 3, 9), (7, 4, 4, 9))
    assert tree.trunk == (7,)
    assert tree.branches == (1, 2, 3, 4, 4)
    assert tree.depths == (0, 1, 1, 0, 1)
    assert tree.ends == (3, 2, 3, 5, 5)
    assert tree.paths == ((0, 1), (0, 2), (3, 4))
    assert list(tree.told())[1] == ([0, 1, 2, 4], (7, 1, 3, 9))


@pytest.mark.parametrize(
    ("continuations", "trunk"),
    [([(5,)], ()), ([(5, 6, 7)], (5, 6)), ([(5,), (6,)], ()), ([(5, 6), (5, 7)], (5,)), ([(5,), (5, 6)], ())],
)
def test_what_is_last_is_never_shown(continuations, trunk):
    assert Tree.of(continuations).trunk == trunk


@given(CONTINUATIONS)
def test_every_token_sees_its_own_branch_and_no_other(continuations):
    tree = Tree.of(continuations)
    assert set(tree.continuations) == set(continuations)
    seen = [
        tuple(tree.branches[at] for at in range(place + 1) if place < tree.ends[at])
        for place in range(len(tree.branches))
    ]
    assert [len(branch) - 1 for branch in seen] == list(tree.depths)
    assert len(set(seen)) == len(seen), "a beginning is there twice"
    for tokens, path in zip(tree.continuations, tree.paths, strict=True):
        tail = tokens[len(tree.trunk) : -1]
        assert tokens[: len(tree.trunk)] == tree.trunk
        assert [seen[place] for place in path] == [tail[: at + 1] for at in range(len(tail))]


@given(CONTINUATIONS, st.integers(0, 20))
def test_trees_hold_all_and_none_is_too_large(continuations, largest):
    grown = trees(continuations, largest)
    assert [tokens for tree in grown for tokens in tree.continuations] == sorted(continuations)
    for tree in grown:
        assert len(tree.continuations) == 1 or sum(map(len, tree.continuations)) <= largest
