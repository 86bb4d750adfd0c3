"""Is what is kept of recordings as it was when they were sealed? Names each fault: which recording, and what.

Every manifest is read once, in the order of the tree, and its hash compared with its leaf; the leaves make
the nodes and the roots anew, and these are compared with the nodes that are there and with every signed head.
The catalogue's rows are compared with what the manifests say. So what was changed is told by itself: a text,
a leaf, a node, a head, or a row.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from peewee import JOIN

from ari_recorder.policies import manifest, merkle
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.store import disposals, evidence
from ari_recorder.store.audit_check import UNCHECKED
from ari_recorder.store.audit_key import PublicKey
from ari_recorder.store.models import Disposal, Manifest, Recording, Tree, TreeHead, TreeNode
from ari_recorder.store.tree_heads import Head, ToldHead, as_kept

PAGE = 200
Read = Callable[..., Any]
"""`Store.read_now`."""


class Fault(StrEnum):
    """What is wrong with the evidence."""

    MANIFEST = "manifest_changed"
    """What was written down of a recording is not what it was."""
    PEOPLE = "people_changed"
    """The names and numbers that were written down of a recording are not what they were."""
    ROW = "recording_changed"
    """The catalogue says something else of a recording than its manifest."""
    GONE = "recording_gone"
    """A recording has a manifest and is not in the catalogue, and was not disposed of."""
    LEFT = "recording_left"
    """A recording was disposed of, and what was written down of it is still there."""
    UNPROVED = "manifest_missing"
    """A stored recording has no manifest."""
    LEAF = "leaf_changed"
    """A leaf of the tree is not its manifest's."""
    NODE = "tree_changed"
    """A hash of the tree does not follow from those under it."""
    MISSING = "leaf_missing"
    """A leaf is gone, or the tree is shorter than was signed or told."""
    HEAD = "head_does_not_match"
    """A signed or told root is not that of the recordings that there are."""
    FORGED = "head_forged"
    """A head was not signed with the key."""
    UNCHECKED = "head_unchecked"
    """Heads name a key that is not known."""


@dataclass(frozen=True)
class Finding:
    """A fault, of what, in a sentence."""

    fault: Fault
    subject: str
    text: str


@dataclass
class Checked:
    """How much was looked at, and what was found."""

    manifests: int = 0
    heads: int = 0
    findings: list[Finding] = field(default_factory=list)


def check(
    read: Read,
    keys: Collection[PublicKey],
    told: Collection[ToldHead] = (),
    progress: Callable[[int], None] | None = None,
) -> Checked:
    """Check every organisation's tree. ``told`` are heads from outside the catalogue."""
    checked = Checked()
    trees = {*read(_trees), *(one.organisation for one in told)}
    for organisation in sorted(trees):
        mine = {one.size: one.sha256 for one in told if one.organisation == organisation}
        _Check(read, organisation, keys, mine, checked, progress).run()
    last = UUID(int=0)
    while page := read(_unproved_after, last):
        for recording in page:
            text = "It is stored, and what it was is not written down."
            checked.findings.append(Finding(Fault.UNPROVED, str(recording), text))
        last = page[-1]
    return checked


class _Check:
    """Of one organisation."""

    def __init__(
        self,
        read: Read,
        organisation: UUID,
        keys: Collection[PublicKey],
        told: dict[int, str],
        checked: Checked,
        progress: Callable[[int], None] | None,
    ) -> None:
        self._read = read
        self._organisation = organisation
        self._keys = keys
        self._told = told
        self._checked = checked
        self._progress = progress
        self._tree = merkle.Growing()
        self._size, self._heads = read(_size_and_heads, organisation)
        self._by_size: dict[int, list[Head]] = {}
        """Those that are rightly signed."""

    def run(self) -> None:
        known = {key.id for key in self._keys}
        for head in self._heads:
            self._checked.heads += 1
            if any(head.is_signed_with(key) for key in self._keys):
                self._by_size.setdefault(head.size, []).append(head)
            elif head.key_id in known:
                self._find(Fault.FORGED, f"head {head.size}", "It is not signed with the recorder's key.")
        for key, size in {head.key_id: head.size for head in self._heads if head.key_id not in known}.items():
            self._find(Fault.UNCHECKED, f"head {size}", f"Heads up to it are {UNCHECKED.format(key)}")
        expected = 0
        while page := self._read(_page, self._organisation, expected):
            nodes = self._read(_nodes, self._organisation, expected, expected + len(page))
            for row in page:
                if row["number"] != expected:
                    self._find(Fault.MISSING, f"leaf {expected}", "It is gone from the tree.")
                    return
                self._add(row, nodes)
                expected += 1
            if self._progress:
                self._progress(self._checked.manifests)
        promised = max([self._size, *self._by_size, *self._told])
        if promised > expected:
            text = f"The tree has {expected} leaves, and had {promised}: what came last was taken away."
            self._find(Fault.MISSING, f"leaf {expected}", text)

    def _add(self, row: dict[str, Any], nodes: dict[tuple[int, int], str]) -> None:
        self._checked.manifests += 1
        leaf = self._leaf(row, bytes.fromhex(_hex(row["sha256"])))
        for level, number, found in self._tree.add(leaf):
            there = nodes.get((level, number))
            if there != found.hex():
                what = "is not there" if there is None else "does not follow from those under it"
                of = f"{number << level} to {(number + 1 << level) - 1}"
                self._find(Fault.NODE, f"node {level}/{number}", f"The hash of leaves {of} {what}.")
        size = self._tree.size
        roots = [(head.sha256, "signed") for head in self._by_size.get(size, ())]
        roots += [(self._told[size], "told")] if size in self._told else []
        for root, how in roots:
            if root != self._tree.root.hex():
                text = f"The root {how} for {size} recordings is not that of those that there are."
                self._find(Fault.HEAD, f"head {size}", text)

    def _leaf(self, row: dict[str, Any], kept: bytes) -> bytes:
        """The leaf as it has to be. Where text and leaf differ, the hash above knows which was changed."""
        if row["disposal"] is not None:
            self._look_at_disposed(row, kept)
            return kept
        made = merkle.leaf_hash(row["text"].encode())
        if made == kept:
            self._compare(row)
            return kept
        if self._fits(row["number"], made):
            self._find(Fault.LEAF, str(row["recording"]), "Its leaf in the tree is not its manifest's.")
            self._compare(row)
            return made
        self._find(Fault.MANIFEST, str(row["recording"]), "Its manifest is not what was written down.")
        return kept

    def _look_at_disposed(self, row: dict[str, Any], kept: bytes) -> None:
        """Of which nothing is left but the leaf; what it was made of is not there to compare it with."""
        recording = str(row["recording"])
        if row["text"] or row["personal"]:
            self._find(Fault.LEFT, recording, "It was disposed of, and its manifest still says what it was.")
        above, _ = self._read(_around, self._organisation, row["number"])
        if above is not None and not self._fits(row["number"], kept):
            self._find(Fault.LEAF, recording, "Its leaf in the tree is not what it was.")

    def _fits(self, number: int, leaf: bytes) -> bool:
        """Whether the node above, or a head where there is none yet, was made of this leaf."""
        above, sibling = self._read(_around, self._organisation, number)
        if above is None:
            trial = self._tree.copy()
            trial.add(leaf)
            return any(head.sha256 == trial.root.hex() for head in self._by_size.get(trial.size, ()))
        pair = (sibling, leaf) if number % 2 else (leaf, sibling)
        return bool(merkle.node_hash(*pair).hex() == above)

    def _compare(self, row: dict[str, Any]) -> None:
        recording = str(row["recording"])
        try:
            personal = manifest.personal_hash(row["text"])
            if row["personal"] and manifest.hash_of(row["personal"]) != personal:
                text = "The names and numbers kept with its manifest are not those written down."
                self._find(Fault.PEOPLE, recording, text)
            known = self._read(_known, row["recording"])
            if known is None:
                self._find_there(Fault.GONE, row, "It has a manifest, and is not in the catalogue.")
            elif names := [*manifest.differences(row["text"], known.facts), *_others(row, known)]:
                self._find_there(Fault.ROW, row, f"The catalogue says otherwise of {', '.join(names)}.")
        except (ValueError, KeyError, TypeError) as error:
            self._find_there(Fault.ROW, row, f"What the catalogue says of it cannot be read: {error!r}.")

    def _find_there(self, fault: Fault, row: dict[str, Any], text: str) -> None:
        """Of a recording that was not disposed of while it was looked at."""
        if not self._read(disposals.among, [row["recording"]]):
            self._find(fault, str(row["recording"]), text)

    def _find(self, fault: Fault, subject: str, text: str) -> None:
        told = subject if " " not in subject else f"evidence of {self._organisation}, {subject}"
        self._checked.findings.append(Finding(fault, told, text))


def _trees() -> list[UUID]:
    found: set[UUID] = set()
    for model in (Tree, TreeHead, Manifest):
        found.update(row.organisation for row in model.select(model.organisation).distinct())
    return list(found)


def _size_and_heads(organisation: UUID) -> tuple[int, list[Head]]:
    tree = Tree.get_or_none(Tree.organisation == organisation)
    rows = TreeHead.select().where(TreeHead.organisation == organisation).order_by(TreeHead.size).dicts()
    return (tree.size if tree else 0), [as_kept(row) for row in rows]


def _page(organisation: UUID, first: int) -> list[dict[str, Any]]:
    """With the line of the disposal log that there is of each, read at once: meanwhile some may go."""
    mine = (Manifest.organisation == organisation) & (Manifest.number >= first)
    query = (
        Manifest.select(Manifest, Disposal.id.alias("disposal"))
        .join(Disposal, JOIN.LEFT_OUTER, on=(Disposal.recording == Manifest.recording))
        .where(mine)
    )
    return list(query.order_by(Manifest.number).limit(PAGE).dicts())


def _nodes(organisation: UUID, first: int, end: int) -> dict[tuple[int, int], str]:
    """The nodes that are complete with one of these leaves."""
    found: dict[tuple[int, int], str] = {}
    level = 1
    while above := end >> level:
        begin = first >> level
        rows = TreeNode.select(TreeNode.number, TreeNode.sha256).where(
            (TreeNode.organisation == organisation)
            & (TreeNode.level == level)
            & (TreeNode.number >= begin)
            & (TreeNode.number < above)
        )
        found |= {(level, row.number): row.sha256 for row in rows}
        level += 1
    return found


def _around(organisation: UUID, number: int) -> tuple[str | None, bytes]:
    """The node above a leaf, None while it is not complete, and the leaf's sibling."""
    its = (TreeNode.organisation == organisation) & (TreeNode.level == 1) & (TreeNode.number == number // 2)
    above = TreeNode.select(TreeNode.sha256).where(its).first()
    mine = (Manifest.organisation == organisation) & (Manifest.number == number ^ 1)
    sibling = Manifest.select(Manifest.sha256).where(mine).first()
    return (above.sha256 if above else None), bytes.fromhex(_hex(sibling.sha256 if sibling else ""))


class _Known(NamedTuple):
    """What the catalogue's rows say of a recording."""

    facts: dict[str, Any]
    people: dict[str, Any]
    last: tuple[str, str]
    """Number and name of the counterpart that its own row names."""
    personal: str
    """As it is kept at the same moment: an erasure empties it."""


def _known(recording: UUID) -> _Known | None:
    row = Recording.get_or_none(Recording.id == recording)
    if row is None:
        return None
    last = row.counterpart_number, row.counterpart_name
    kept = Manifest.get_or_none(Manifest.recording == recording)
    return _Known(*evidence.known(recording), last, kept.personal if kept else "")


def _others(row: dict[str, Any], known: _Known) -> list[str]:
    """Of an erased person nothing is left to compare with; what was changed itself is told already."""
    if manifest.hash_of(known.personal) != manifest.personal_hash(row["text"]):
        return []
    return ["counterparts"] if manifest.other_people(known.personal, known.people, known.last) else []


def _unproved_after(last: UUID) -> list[UUID]:
    rows = (
        Recording.select(Recording.id)
        .left_outer_join(Manifest, on=(Manifest.recording == Recording.id))
        .where((Recording.state == RecordingState.STORED) & Manifest.id.is_null() & (Recording.id > last))
        .order_by(Recording.id)
        .limit(PAGE)
    )
    return [row.id for row in rows]


def _hex(text: str) -> str:
    """64 digits, whatever somebody has made of them."""
    try:
        return bytes.fromhex(text).hex() if len(text) == 64 else "0" * 64
    except ValueError:
        return "0" * 64
