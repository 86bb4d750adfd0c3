"""A tree of hashes over a list that only grows, as certificate transparency has it (RFC 9162, section 2.1).

A leaf is what is kept of one recording. The head of a tree, its root and size, stands for all of them: that
a leaf is in it is proved by some twenty hashes, without showing the others, and that a later head is of the
same list, grown, by as many. Nodes are named by their level (0 are the leaves) and their number in it; a node
is complete when all leaves under it are there, and never changes then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

Node = Callable[[int, int], bytes]
"""The hash of the complete node of a level and number."""
EMPTY = sha256().digest()
"""The root of a tree without a leaf."""


def leaf_hash(content: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\0" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two nodes together."""
    return sha256(b"\1" + left + right).digest()


def completed(size: int, leaf: bytes, node: Node) -> Iterator[tuple[int, int, bytes]]:
    """The nodes above the leaf that are complete with it: level, number, hash. ``size`` is without it."""
    level, number, found = 0, size, leaf
    while number % 2:
        found = node_hash(node(level, number - 1), found)
        level, number = level + 1, number // 2
        yield level, number, found


def root(size: int, node: Node) -> bytes:
    """The root of the tree of the first ``size`` leaves."""
    return _hash(0, size, node) if size else EMPTY


def inclusion(number: int, size: int, node: Node) -> list[bytes]:
    """The proof that the leaf of that number is in the tree of the first ``size`` (2.1.3.1)."""
    if not 0 <= number < size:
        raise ValueError(f"no leaf {number} in a tree of {size}")
    path, begin, end = [], 0, size
    while end - begin > 1:
        middle = begin + _left(end - begin)
        if number < middle:
            path.append(_hash(middle, end, node))
            end = middle
        else:
            path.append(_hash(begin, middle, node))
            begin = middle
    return path[::-1]


def root_of_inclusion(number: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes | None:
    """The root that a proof leads to from a leaf's hash (2.1.3.2); None for a proof of another length."""
    found = leaf
    try:
        for is_left, other in zip(sides(number, size), path, strict=True):
            found = node_hash(other, found) if is_left else node_hash(found, other)
    except ValueError:
        return None
    return found


def sides(number: int, size: int) -> Iterator[bool]:
    """Whether each hash of a leaf's proof stands to the left. Raises `ValueError` for no such leaf."""
    if not 0 <= number < size:
        raise ValueError(f"no leaf {number} in a tree of {size}")
    place, last = number, size - 1
    while last:
        is_left = place % 2 == 1 or place == last
        yield is_left
        while is_left and not place % 2 and place:
            place, last = place // 2, last // 2
        place, last = place // 2, last // 2


def consistency(old: int, new: int, node: Node) -> list[bytes]:
    """The proof that the tree of the first ``old`` leaves has grown into that of ``new`` (2.1.4.1)."""
    if not 0 < old <= new:
        raise ValueError(f"no proof from {old} to {new} leaves")
    path: list[bytes] = []
    begin, end, whole = 0, new, True
    while old < end:
        middle = begin + _left(end - begin)
        if old <= middle:
            path.append(_hash(middle, end, node))
            end = middle
        else:
            path.append(_hash(begin, middle, node))
            begin, whole = middle, False
    return ([] if whole else [_hash(begin, end, node)]) + path[::-1]


def is_consistent(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether a proof holds that one tree has grown into the other (2.1.4.2)."""
    if old == new:
        return not path and old_root == new_root
    if not 0 < old < new:
        return False
    hashes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not hashes:
        return False
    place, last = old - 1, new - 1
    while place % 2:
        place, last = place // 2, last // 2
    one = other = hashes[0]
    for found in hashes[1:]:
        if last == 0:
            return False
        if place % 2 or place == last:
            one, other = node_hash(found, one), node_hash(found, other)
            while not place % 2 and place:
                place, last = place // 2, last // 2
        else:
            other = node_hash(other, found)
        place, last = place // 2, last // 2
    return last == 0 and (one, other) == (old_root, new_root)


class Growing:
    """The root of a list that is read once, from its first leaf on; holds as many hashes as it has levels."""

    def __init__(self) -> None:
        self.size = 0
        self._whole: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """One leaf more; returns the nodes that are complete with it, as `completed` does."""
        level, found, made = 0, leaf, []
        while self._whole and self._whole[-1][0] == level:
            found = node_hash(self._whole.pop()[1], found)
            level += 1
            made.append((level, self.size >> level, found))
        self._whole.append((level, found))
        self.size += 1
        return made

    def copy(self) -> Growing:
        """Another, to which a leaf can be added to see what becomes of it."""
        other = Growing()
        other.size, other._whole = self.size, list(self._whole)
        return other

    @property
    def root(self) -> bytes:
        """Of the leaves so far."""
        hashes = [found for _, found in self._whole]
        if not hashes:
            return EMPTY
        found = hashes.pop()
        while hashes:
            found = node_hash(hashes.pop(), found)
        return found


def _left(count: int) -> int:
    """How many leaves are under the left child: the greatest power of two below ``count``."""
    return 1 << (count - 1).bit_length() - 1


def _hash(begin: int, end: int, node: Node) -> bytes:
    count = end - begin
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, begin >> level)
    middle = begin + _left(count)
    return node_hash(_hash(begin, middle, node), _hash(middle, end, node))
