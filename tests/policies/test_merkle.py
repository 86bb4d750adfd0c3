"""The tree of hashes is that of RFC 9162, and a proof holds for what it was made of and for nothing else."""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_recorder.policies.merkle import (
    EMPTY,
    Growing,
    completed,
    consistency,
    inclusion,
    is_consistent,
    leaf_hash,
    root,
    root_of_inclusion,
)

# Test vectors of certificate transparency's implementations: inputs, and roots of the trees of the first n.
INPUTS = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


class Tree:
    """Leaves, and the nodes above them that are complete."""

    def __init__(self, contents: list[bytes]) -> None:
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.growing = Growing()
        self.roots = [self.growing.root]
        for number, content in enumerate(contents):
            leaf = leaf_hash(content)
            self.nodes[0, number] = leaf
            made = list(completed(number, leaf, self.node))
            self.nodes |= {(level, at): found for level, at, found in made}
            assert self.growing.add(leaf) == made
            self.roots.append(self.growing.root)

    def node(self, level: int, number: int) -> bytes:
        return self.nodes[level, number]


def plain_root(leaves: list[bytes]) -> bytes:
    """By the words of section 2.1.1."""
    if len(leaves) < 2:
        return leaf_hash(leaves[0]) if leaves else sha256(b"").digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + plain_root(leaves[:k]) + plain_root(leaves[k:])).digest()


def test_the_roots_are_those_of_others() -> None:
    tree = Tree(INPUTS)
    assert tuple(found.hex() for found in tree.roots) == ROOTS
    assert [root(size, tree.node).hex() for size in range(len(ROOTS))] == list(ROOTS)
    assert root(0, tree.node) == EMPTY


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 31, 70])
def test_every_leaf_is_proved_in_every_tree(size: int) -> None:
    contents = [bytes([number]) for number in range(size)]
    tree = Tree(contents)
    assert tree.roots[size] == plain_root(contents)
    for number in range(size):
        path = inclusion(number, size, tree.node)
        assert len(path) <= (size - 1).bit_length()
        assert root_of_inclusion(number, size, tree.node(0, number), path) == tree.roots[size]


@pytest.mark.parametrize("new", [1, 2, 3, 7, 8, 9, 31, 33])
def test_every_growth_is_proved(new: int) -> None:
    tree = Tree([bytes([number]) for number in range(new)])
    for old in range(1, new + 1):
        path = consistency(old, new, tree.node)
        assert is_consistent(old, new, tree.roots[old], tree.roots[new], path)
        for other in range(1, new + 1):
            if other != old:
                assert not is_consistent(old, new, tree.roots[other], tree.roots[new], path)


@given(st.data())
def test_a_proof_holds_for_nothing_else(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 40))
    tree = Tree([bytes([number]) for number in range(size)])
    number = data.draw(st.integers(0, size - 1))
    path, leaf = inclusion(number, size, tree.node), tree.node(0, number)
    other = data.draw(st.integers(0, size - 1).filter(lambda one: one != number))
    assert root_of_inclusion(number, size, tree.node(0, other), path) != tree.roots[size]
    assert root_of_inclusion(other, size, leaf, path) != tree.roots[size]
    at = data.draw(st.integers(0, len(path) - 1))
    changed = [*path[:at], leaf_hash(path[at]), *path[at + 1 :]]
    assert root_of_inclusion(number, size, leaf, changed) != tree.roots[size]
    assert root_of_inclusion(number, size, leaf, path[:-1]) != tree.roots[size]
    assert root_of_inclusion(number, size, leaf, [*path, leaf]) is None
    assert root_of_inclusion(size, size, leaf, path) is None


@given(st.data())
def test_a_changed_proof_of_growth_does_not_hold(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, 40))
    old = data.draw(st.integers(1, new - 1))
    tree = Tree([bytes([number]) for number in range(new)])
    path = consistency(old, new, tree.node)
    at = data.draw(st.integers(0, len(path) - 1))
    for changed in ([*path[:at], leaf_hash(path[at]), *path[at + 1 :]], path[:-1], [*path, path[0]], []):
        assert not is_consistent(old, new, tree.roots[old], tree.roots[new], changed)


def test_what_is_no_place_is_refused() -> None:
    tree = Tree(INPUTS)
    for number, size in ((8, 8), (-1, 8), (0, 0)):
        with pytest.raises(ValueError, match="no leaf"):
            inclusion(number, size, tree.node)
    for old, new in ((0, 8), (9, 8)):
        with pytest.raises(ValueError, match="no proof"):
            consistency(old, new, tree.node)
    assert not is_consistent(0, 8, EMPTY, tree.roots[8], [])
    assert all(is_consistent(n, n, one, one, []) for n, (one, _) in enumerate(pairwise(tree.roots)))
