"""Whatever somebody does to the audit log who has the database but not the key: it is found, and named."""

from __future__ import annotations

import random

import pytest

from ari_recorder.store import audit_key
from ari_recorder.store.audit_key import SigningKey
from ari_recorder.store.database import Store

from . import attacks

LINES = 300
CHANGES = 250


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return audit_key.made(tmp_path_factory.mktemp("key") / "audit.key")


def test_every_change_is_found_and_named(store: Store, key: SigningKey) -> None:
    """Some here; a thousand in a longer log in `python -m bench audit`."""
    store.write_now(attacks.drop_triggers)
    store.write_now(attacks.fill, key, LINES)
    assert store.write_now(attacks.checked, key) == ()
    attacker = attacks.Attacker(LINES, random.Random(8))

    def tried() -> list[str]:
        wrong = []
        for _ in range(CHANGES):
            with attacks.undone():
                attack = attacker.attack()
                findings = attacks.checked(key)
                if not attack.is_named_by(findings):
                    wrong.append(f"{attack}: {findings}")
        return wrong

    assert store.write_now(tried) == []
    assert store.write_now(attacks.checked, key) == ()
