"""The audit log: is every change found and named, and how fast is a long log checked?

    python -m bench audit

A thousand changes at random (`tests.store.attacks`), one after the other, in a log of some thousand lines of
three organisations; then a check of a million lines, as ``ari-recorder verify`` makes it.
"""

from __future__ import annotations

import random
import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from ari_recorder.store import audit, audit_key, audit_lines
from ari_recorder.store.audit import Action, Actor, ActorKind, Subject
from ari_recorder.store.audit_key import SigningKey
from ari_recorder.store.database import Store
from ari_recorder.store.models import AuditHead, AuditLine
from bench.results import Result

CHANGES = 1000
LINES = 1000
"""Of each of three organisations."""
MANY = 1_000_000
SEED = 8


async def run() -> Result:
    """Attack, then measure."""
    with tempfile.TemporaryDirectory(prefix="bench-audit-") as folder:
        values, notes = _attack(Path(folder))
        values |= _measure(Path(folder))
    return Result("The audit log: changes found, and the speed of its check", values, notes)


def _attack(folder: Path) -> tuple[dict[str, float], list[str]]:
    from tests.store import attacks

    store, key = Store(f"sqlite:///{folder}/attacked.db"), audit_key.made(folder / "audit.key")
    store.write_now(attacks.drop_triggers)
    store.write_now(attacks.fill, key, LINES)
    attacker, began_at = attacks.Attacker(LINES, random.Random(SEED)), time.monotonic()
    found = named = 0
    notes = []

    def one() -> None:
        nonlocal found, named
        with attacks.undone():
            attack = attacker.attack()
            findings = attacks.checked(key)
            found += bool(findings)
            if attack.is_named_by(findings):
                named += 1
            else:
                notes.append(f"{attack}: {findings[:3]}")

    for _ in range(CHANGES):
        store.write_now(one)
    false_alarms = len(store.write_now(attacks.checked, key))
    seconds = round(time.monotonic() - began_at, 1)
    store.close()
    return {
        "changes": CHANGES,
        "found": found,
        "named": named,
        "false_alarms": false_alarms,
        "seconds": seconds,
    }, notes


def _measure(folder: Path) -> dict[str, float]:
    store, key = Store(f"sqlite:///{folder}/long.db"), audit_key.made(folder / "audit.key")
    store.write_now(_fill, key)
    began_at = time.monotonic()
    checked = audit_lines.check(store.read_now, [key.public])
    seconds = time.monotonic() - began_at
    store.close()
    assert not checked.findings, checked.findings[:3]
    return {
        "lines": checked.lines,
        "check_seconds": round(seconds, 1),
        "lines_per_s": round(checked.lines / seconds),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _fill(key: SigningKey) -> None:
    """A million lines as the recorder writes them, put in many at once; the last is sealed."""
    from ari_recorder.store import audit_seals

    chain, now = UUID(int=1), datetime(2026, 3, 2, tzinfo=UTC)
    actor = Actor(ActorKind.USER, str(UUID(int=5)), "anna", chain, "192.0.2.1")
    audit.write(actor, Action.LISTEN, Subject("recording", str(UUID(int=9))), now)
    like = dict(AuditLine.select().dicts().get())
    before, rows = like["sha256"], []
    for number in range(2, MANY + 1):
        content = {name: like[name] for name in audit_lines.CONTENT}
        content |= {"number": number, "before": before, "organisation": str(chain)}
        before = audit.hash_of({**content, "at": audit.written_at(now)})
        rows.append({**content, "organisation": chain, "sha256": before})
        if len(rows) == 1000 or number == MANY:
            AuditLine.insert_many(rows).execute()
            rows.clear()
    AuditHead.update(number=MANY, sha256=before).execute()
    audit_seals.seal(key, [chain], now)
