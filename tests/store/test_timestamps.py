"""Time stamps of heads: only what holds is taken, is kept for good, and what is changed or gone is named."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import peewee
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from ari_recorder.errors import SettingsError, TimestampError
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.store import evidence, finishing, tree_heads
from ari_recorder.store.audit_key import SigningKey
from ari_recorder.store.audit_key import made as made_key
from ari_recorder.store.database import Store
from ari_recorder.store.models import HeadStamp, TreeHead
from ari_recorder.store.timestamps import authorities, response, rows
from ari_recorder.store.timestamps.check import Checked, Fault, check
from ari_recorder.store.timestamps.der import in_order
from ari_recorder.store.timestamps.rows import KeptStamp, ToldStamp
from ari_recorder.store.tree_heads import Head

from ..authority import Authority, made, stamp
from .attacks import drop_triggers
from .build import BEGIN, SECOND, add_user, recorded_call, sealed, the_due

MESSAGE = b"a head and its signature"
HOUR = timedelta(hours=1)


@dataclass
class World:
    """Six recordings of one organisation; the heads of 2, 4 and 6 are signed, those of 2 and 4 stamped."""

    store: Store
    key: SigningKey
    authority: Authority
    organisation: UUID
    recordings: list[UUID]

    def check(self, *told: ToldStamp) -> Checked:
        return check(self.store.read_now, lambda: self.authority.authorities, told)

    def faults(self, *told: ToldStamp) -> list[tuple[Fault, str]]:
        return [(one.fault, one.subject.partition(", ")[2]) for one in self.check(*told).findings]

    def change(self, model: Any, where: Any, **values: Any) -> None:
        assert self.store.write_now(model.update(**values).where(where).execute) == 1

    def remove(self, model: Any, where: Any) -> None:
        assert self.store.write_now(model.delete().where(where).execute) == 1

    def sign(self) -> Head:
        trees = self.store.read_now(tree_heads.grown)
        (head,) = self.store.write_now(tree_heads.sign, self.key, trees, evidence.node_of, BEGIN)
        return head

    def stamps(self) -> list[KeptStamp]:
        return [one for one, _ in self.store.read_now(rows.after, self.organisation, 0, 10)]


@pytest.fixture
def world(guarded: World) -> World:
    """As who has the database finds it: without what keeps it from being changed."""
    guarded.store.write_now(drop_triggers, "tree_head", "head_stamp")
    return guarded


@pytest.fixture
def guarded(store: Store, tmp_path: Path, authority: Authority) -> World:
    anna = add_user(store)
    key = made_key(tmp_path / "audit.key")
    store.write_now(tree_heads.publish, key.public, BEGIN)
    found = World(store, key, authority, anna.organisation, [])
    for number in range(1, 7):
        recorded_call(store, anna, at=BEGIN + number * SECOND)
        due = the_due(store)
        store.write_now(finishing.seal, due, sealed(due), BEGIN)
        found.recordings.append(due.id)
        if number in (2, 4):
            stamp(store, authority, found.sign(), BEGIN + number * HOUR)
    found.sign()
    return found


# What an authority answers


def test_a_stamp_holds(authority: Authority) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    asked = response.request(MESSAGE)
    found = response.verified(authority.reply(asked.content), MESSAGE, authority.authorities, asked.nonce)
    assert before <= found.at <= datetime.now(UTC) + timedelta(seconds=1)
    assert (found.authority, found.sha256) == (authority.name, hashlib.sha256(MESSAGE).hexdigest())
    assert int(found.serial, 16) > 0


def test_the_certificates_that_it_was_verified_by_are_kept_and_no_others(
    authority: Authority, tmp_path: Path
) -> None:
    others = made(tmp_path / "others", "Another").ca.read_bytes()
    both = authorities.read(others + authority.ca.read_bytes())
    answer = authority.reply(response.request(MESSAGE).content)
    kept = response.anchor(answer, MESSAGE, both)
    assert kept.pem == authority.authorities.pem
    response.verified(answer, MESSAGE, kept)


def test_over_a_certificate_between(tmp_path: Path) -> None:
    there = made(tmp_path / "long", "Long way", between=True)
    answer = there.reply(response.request(MESSAGE).content)
    assert response.verified(answer, MESSAGE, there.authorities).authority == there.name
    between = authorities.read((there.folder / "between.pem").read_bytes() + there.ca.read_bytes())
    assert len(between.between) == 1
    assert response.anchor(answer, MESSAGE, between).pem == there.authorities.pem  # it brings what is between


def test_the_order_of_its_certificates_is_no_matter(authority: Authority) -> None:
    """OpenSSL has that of the signer first; the library wants DER's."""
    answer = authority.reply(response.request(MESSAGE).content)
    ordered = in_order(answer)
    assert ordered != answer
    assert sorted(ordered) == sorted(answer)
    assert in_order(ordered) == ordered
    assert response.read(ordered) == response.read(answer)


def of_another_message(authority: Authority) -> bytes:
    return authority.reply(response.request(b"another head").content)


def of_another_request(authority: Authority) -> bytes:
    return authority.reply(response.request(MESSAGE).content)


def refused(authority: Authority) -> bytes:
    return authority.reply(response.request(MESSAGE).content, digests="sha512")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (of_another_message, "a stamp of something else"),
        (of_another_request, "nonce is not that of ours"),
        (refused, r"refused, with the status 2 \(rejection\): .*algorithm"),
        (lambda _: b"", "no time stamp"),
        (lambda _: b"<html>Sorry</html>", "no time stamp"),
        (lambda _: b"\x30\x80" * 30_000, "no time stamp"),
        (lambda _: bytes(70_000), "too long"),
        (lambda one: of_another_request(one)[:-1], "no time stamp"),
        (lambda one: of_another_request(one) + b"\x00", "no time stamp: 1 bytes come after"),
    ],
)
def test_what_is_no_answer_to_that_is_named(
    authority: Authority, answer: Callable[[Authority], bytes], why: str
) -> None:
    nonce = response.request(MESSAGE).nonce
    with pytest.raises(TimestampError, match=why):
        response.verified(answer(authority), MESSAGE, authority.authorities, nonce)


def test_a_stamp_of_somebody_elses_is_refused_by_name(authority: Authority, tmp_path: Path) -> None:
    other = made(tmp_path / "other", "Forger")
    asked = response.request(MESSAGE)
    with pytest.raises(TimestampError, match=r"not signed by an authority that is trusted \(CN=Forger,O="):
        response.verified(other.reply(asked.content), MESSAGE, authority.authorities, asked.nonce)


@pytest.mark.filterwarnings("ignore")
def test_whatever_byte_is_changed_it_says_the_same_or_does_not_hold(authority: Authority) -> None:
    """And whatever comes is refused with a word, and no other error."""
    answer = authority.reply(response.request(MESSAGE).content)
    right = response.verified(answer, MESSAGE, authority.authorities)
    root = authority.authorities.roots[0].public_bytes(Encoding.DER)
    brought = range(answer.index(root), answer.index(root) + len(root))  # a copy that nobody needs
    held = 0
    for place in set(range(len(answer))) - set(brought):
        spoilt = bytearray(answer)
        spoilt[place] ^= 1 << place % 8
        try:
            assert response.verified(bytes(spoilt), MESSAGE, authority.authorities) == right
            held += 1
        except TimestampError:
            pass
    assert held < 12  # numbers of versions and the name of an algorithm, which nobody signs


@pytest.mark.filterwarnings("ignore")
def test_noise_is_refused_with_a_word(authority: Authority) -> None:
    answer, luck = authority.reply(response.request(MESSAGE).content), random.Random(3)
    for _ in range(300):
        spoilt = bytearray(answer[: luck.randrange(1, len(answer))])
        for _ in range(luck.randrange(1, 20)):
            spoilt[luck.randrange(len(spoilt))] = luck.randrange(256)
        with pytest.raises(TimestampError):
            response.verified(bytes(spoilt), MESSAGE, authority.authorities)


# Who is trusted


def test_who_is_trusted_is_read(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
    assert authorities.trusted(None) == authority.authorities
    for name, content, why in (
        ("empty.pem", b"", "no certificate of an authority"),
        ("tsa.pem", (authority.folder / "tsa.pem").read_bytes(), "none in it is a root"),
        ("text.pem", b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----", "no certificate"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SettingsError, match=why):
            authorities.trusted(tmp_path / name)
    with pytest.raises(SettingsError, match=r"nowhere\.pem cannot be read"):
        authorities.trusted(tmp_path / "nowhere.pem")


# What is kept


def test_what_is_kept_of_a_stamp(world: World) -> None:
    (first, second) = world.stamps()
    assert (first.number, first.size, second.number, second.size) == (1, 2, 2, 4)
    assert first.authority == world.authority.name
    assert hashlib.sha256(first.response).hexdigest() == first.sha256
    head = world.store.read_now(evidence.heads, COMMAND_LINE, 10)[-1][0]
    assert first.stamped_sha256 == hashlib.sha256(head.message + head.signature_bytes).hexdigest()
    assert first.anchors == world.authority.authorities.pem


def test_the_database_itself_changes_none(guarded: World) -> None:
    for change in (HeadStamp.update(authority="nobody"), HeadStamp.delete()):
        with pytest.raises(peewee.DatabaseError, match="append-only"):
            guarded.store.write_now(change.execute)


def test_the_newest_head_is_due_when_the_last_stamp_is_old_enough(world: World) -> None:
    last = BEGIN + 4 * HOUR

    def due(now: datetime) -> list[int]:
        return [one.size for one in world.store.read_now(rows.due, now, HOUR)]

    assert due(last + HOUR - SECOND) == []
    assert due(last + HOUR) == [6]
    assert due(last - SECOND) == [6]  # the clock was put back
    (head,) = world.store.read_now(rows.due, last + HOUR, HOUR)
    stamp(world.store, world.authority, head, last + HOUR)
    assert due(last + 9 * HOUR) == []  # nothing new


def test_a_head_has_one_stamp(world: World) -> None:
    (one, _) = world.stamps()
    found = response.read(one.response)
    head = world.store.read_now(evidence.heads, COMMAND_LINE, 10)[-1][0]
    assert world.store.write_now(rows.keep, head, found, one.response, "", BEGIN) is None
    assert len(world.stamps()) == 2


def test_a_recording_is_proved_by_the_oldest_head_with_a_stamp(world: World) -> None:
    def proved_by(number: int) -> tuple[int, int | None]:
        proof = world.store.read_now(evidence.proof, COMMAND_LINE, world.recordings[number - 1])
        assert proof is not None
        return proof.head.size, proof.stamp.size if proof.stamp else None

    assert [proved_by(number) for number in (1, 2, 3, 4, 5, 6)] == [
        (2, 2), (2, 2), (4, 4), (4, 4), (6, None), (6, None),
    ]  # fmt: skip


def test_the_last_that_are_stamped_are_told_whatever_came_after(world: World) -> None:
    def told(limit: int) -> list[tuple[int, int | None]]:
        found = world.store.read_now(evidence.heads, COMMAND_LINE, limit)
        return [(head.size, one.size if one else None) for head, one in found]

    assert told(10) == told(1) == [(6, None), (4, 4), (2, 2)]


# What is found


def test_nothing_is_found_where_nothing_is_wrong(world: World) -> None:
    checked = world.check(*(ToldStamp(one.organisation, one.size, one.sha256) for one in world.stamps()))
    assert (checked.stamps, checked.findings) == (2, [])


def test_without_stamps_nobody_has_to_be_trusted(store: Store) -> None:
    def trusted() -> Any:
        raise AssertionError("nobody asks")

    assert check(store.read_now, trusted).findings == []


def test_a_changed_stamp_is_named(world: World) -> None:
    (_, second) = world.stamps()
    luck = random.Random(5)
    for _ in range(20):
        spoilt = bytearray(second.response)
        spoilt[luck.randrange(len(spoilt))] ^= 1
        world.change(HeadStamp, HeadStamp.number == 2, response=base64.b64encode(spoilt).decode())
        assert world.faults() == [(Fault.CHANGED, "stamp 2")]
    world.change(HeadStamp, HeadStamp.number == 2, response="no base64 ")
    assert world.faults() == [(Fault.CHANGED, "stamp 2")]


@pytest.mark.parametrize(
    "values",
    [
        {"at": BEGIN},
        {"authority": "CN=Somebody"},
        {"serial": "ff"},
        {"stamped_sha256": "0" * 64},
        {"sha256": "0" * 64},
        {"size": 6},
    ],
)
def test_what_is_said_of_a_stamp_is_compared_with_it(world: World, values: dict[str, Any]) -> None:
    world.change(HeadStamp, HeadStamp.number == 2, **values)
    assert world.faults() == [(Fault.CHANGED, "stamp 2")]


def test_a_stamp_of_somebody_who_is_not_trusted_is_named(world: World, tmp_path: Path) -> None:
    forger = made(tmp_path / "forger", "Forger")
    head = world.store.read_now(evidence.heads, COMMAND_LINE, 10)[0][0]
    stamp(world.store, forger, head, BEGIN)
    (found,) = world.check().findings
    assert (found.fault, "CN=Forger" in found.text) == (Fault.UNTRUSTED, True)


def test_a_head_signed_anew_is_not_what_was_stamped(world: World) -> None:
    where = (TreeHead.organisation == world.organisation) & (TreeHead.size == 4)
    world.change(TreeHead, where, at=BEGIN - HOUR)
    assert world.faults() == [(Fault.CHANGED, "stamp 2")]


def test_one_that_is_gone_is_named(world: World) -> None:
    told = [ToldStamp(one.organisation, one.size, one.sha256) for one in world.stamps()]
    world.remove(HeadStamp, HeadStamp.number == 1)
    assert world.faults() == [(Fault.MISSING, "stamp 1")]
    world.remove(TreeHead, TreeHead.size == 4)
    assert world.faults() == [(Fault.MISSING, "stamp 1"), (Fault.MISSING, "stamp 2")]
    world.remove(HeadStamp, HeadStamp.number == 2)
    assert world.faults() == []  # who takes the last ones away is found by what was told outside
    assert world.faults(*told) == [(Fault.MISSING, f"stamp of head {size}") for size in (2, 4)]


def test_one_that_was_exchanged_is_named_by_what_was_told(world: World) -> None:
    told = [ToldStamp(one.organisation, one.size, one.sha256) for one in world.stamps()]
    other = replace(told[1], sha256="0" * 64)
    assert world.faults(told[0], other) == [(Fault.CHANGED, "stamp of head 4")]


def test_a_log_is_read(world: World) -> None:
    lines = [f'{{"event": "the evidence is time-stamped", "stamp": "{one.told}"}}' for one in world.stamps()]
    assert rows.read_told(["nothing", *lines]) == [
        ToldStamp(one.organisation, one.size, one.sha256) for one in world.stamps()
    ]
