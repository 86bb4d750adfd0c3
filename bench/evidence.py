"""Evidence: is every changed byte found and named, in audio, manifest, row, tree and head?

    python -m bench evidence

Ten thousand changes of a single byte or number, one after the other, in a vault and a catalogue of a few
recordings with their manifests and signed heads. Each is looked for as ``ari-recorder verify`` does, and is
taken back.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from ari_recorder.store import audit_key, evidence, models, tree_heads, verify
from ari_recorder.store.audit_key import SigningKey
from ari_recorder.store.database import Store
from ari_recorder.store.evidence_check import Fault
from ari_recorder.store.safe import Safe
from ari_recorder.store.verify import Finding, Kind, Report
from bench.results import Result

CHANGES = 10_000
RECORDINGS = 5
SIGNED_AFTER = (2, 5)
SEED = 10

_TEXTS: dict[str, Kind | Fault] = {
    "sha256": Fault.ROW,
    "stored_sha256": Kind.CHANGED,
    "wrapped_key": Kind.CHANGED,
    "media_type": Fault.ROW,
    "mode": Fault.ROW,
    "direction": Fault.ROW,
}
_NUMBERS = ("size_bytes", "duration_ms", "sample_rate_hz", "ordinal")
_MANIFEST = {"text": Fault.MANIFEST, "sha256": Fault.LEAF, "personal": Fault.PEOPLE}
_HEAD = ("sha256", "signature", "key_id")


@dataclass(frozen=True)
class Change:
    """What was done, and how it is to be named: the fault, and what stands in its subject."""

    what: str
    fault: Kind | Fault
    subject: str
    back: Callable[[], None]

    def is_named_by(self, findings: list[Finding]) -> bool:
        """Whether it is among what was found."""
        return any(one.kind == self.fault and self.subject in one.subject for one in findings)


class World:
    """A few recordings, and somebody who changes what is kept of them."""

    def __init__(self, folder: Path) -> None:
        from tests.store import attacks, build

        self.folder = folder
        self.store = Store(f"sqlite:///{folder}/catalogue.db")
        self.key: SigningKey = audit_key.made(folder / "audit.key")
        self.safe: Safe = build.safe_in(self.store, folder)
        self.luck = random.Random(SEED)
        user = build.add_user(self.store)
        for number in range(1, RECORDINGS + 1):
            build.recorded_call(self.store, user, at=build.BEGIN + number * build.SECOND)
            build.finish(self.store, self.safe, folder)
            if number in SIGNED_AFTER:
                trees = self.store.read_now(tree_heads.grown)
                self.store.write_now(tree_heads.sign, self.key, trees, evidence.node_of, build.BEGIN)
        self.store.write_now(attacks.drop_triggers, "tree_node", "tree_head")
        self.now = build.BEGIN

    def report(self) -> Report:
        """As ``ari-recorder verify`` makes it, without the audit log."""
        report = verify.verify(self.store, self.safe, now=self.now)
        verify.verify_evidence(self.store, report, [self.key.public])
        return report

    def change(self) -> Change:
        """Change something at random."""
        return self.luck.choice((self._audio, self._manifest, self._row, self._node, self._head))()

    def _audio(self) -> Change:
        row = self._any(models.Recording)
        path = self.folder / "vault" / row["vault_key"]
        was = path.read_bytes()
        now = bytearray(was)
        at = self.luck.randrange(len(now))
        now[at] ^= 1 << self.luck.randrange(8)
        path.write_bytes(now)
        return Change(f"audio at {at}", Kind.CHANGED, str(row["id"]), lambda: _write(path, was))

    def _manifest(self) -> Change:
        row, column = self._any(models.Manifest), self.luck.choice(list(_MANIFEST))
        return self._text(models.Manifest, row, column, _MANIFEST[column], str(row["recording"]))

    def _row(self) -> Change:
        row = self._any(models.Recording)
        column = self.luck.choice([*_TEXTS, *_NUMBERS])
        if column in _TEXTS:
            return self._text(models.Recording, row, column, _TEXTS[column], str(row["id"]))
        value = row[column] + self.luck.choice((-1, 1)) * self.luck.randrange(1, 256)
        return self._set(models.Recording, row, column, value, Fault.ROW, str(row["id"]))

    def _node(self) -> Change:
        row = self._any(models.TreeNode)
        subject = f"node {row['level']}/{row['number']}"
        return self._text(models.TreeNode, row, "sha256", Fault.NODE, subject)

    def _head(self) -> Change:
        row = self._any(models.TreeHead)
        return self._text(models.TreeHead, row, self.luck.choice(_HEAD), Fault.FORGED, f"head {row['size']}")

    def _any(self, model: Any) -> dict[str, Any]:
        rows = self.store.read_now(lambda: list(model.select().order_by(model.id).dicts()))
        return dict(self.luck.choice(rows))

    def _text(self, model: Any, row: dict[str, Any], column: str, fault: Kind | Fault, of: str) -> Change:
        text = row[column]
        at = self.luck.randrange(len(text))
        value = text[:at] + chr(ord(text[at]) ^ 1 << self.luck.randrange(5)) + text[at + 1 :]
        return self._set(model, row, column, value, fault, of)

    def _set(
        self, model: Any, row: dict[str, Any], column: str, value: Any, fault: Kind | Fault, of: str
    ) -> Change:
        def write(it: Any) -> None:
            change = model.update(**{column: it}).where(model.id == UUID(str(row["id"])))
            self.store.write_now(change.execute)

        write(value)
        return Change(f"{model.__name__}.{column}", fault, of, lambda: write(row[column]))


async def run() -> Result:
    """Change, look, take back."""
    with tempfile.TemporaryDirectory(prefix="bench-evidence-") as folder:
        world = World(Path(folder))
        began_at = time.monotonic()
        found = named = 0
        notes = []
        for _ in range(CHANGES):
            change = world.change()
            findings = world.report().damage
            found += bool(findings)
            if change.is_named_by(findings):
                named += 1
            else:
                notes.append(f"{change.what}: {findings[:2]}")
            change.back()
        false_alarms = len(world.report().damage)
        seconds = round(time.monotonic() - began_at, 1)
        world.store.close()
    values = {
        "changes": CHANGES,
        "found": found,
        "named": named,
        "false_alarms": false_alarms,
        "seconds": seconds,
    }
    return Result("Evidence: changes found and named", values, notes[:20])


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
