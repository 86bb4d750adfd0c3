"""What recordings were is written down and proved; whatever is changed afterwards is found and named."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ari_recorder.errors import NotFound
from ari_recorder.policies import merkle
from ari_recorder.policies.manifest import ClockReading, SourceFile
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.store import catalogue, evidence, finishing, models, people, tree_heads
from ari_recorder.store.audit_key import SigningKey, made
from ari_recorder.store.database import Store
from ari_recorder.store.evidence_check import Checked, Fault, check
from ari_recorder.store.tree_heads import Head, ToldHead

from .attacks import drop_triggers
from .build import BEGIN, SECOND, add_organisation, add_user, recorded_call, scope_of, sealed, the_due

SOURCES = (SourceFile("leg-in.wav16", "a" * 64, 32_044), SourceFile("leg-out.wav16", "b" * 64, 32_044))
CLOCK = ClockReading(3.0, 0.5, BEGIN)


@dataclass
class World:
    """Recordings of two organisations, with manifests and signed heads."""

    store: Store
    key: SigningKey
    organisation: UUID
    recordings: list[UUID]

    def check(self, told: list[ToldHead] | None = None) -> Checked:
        return check(self.store.read_now, [self.key.public], told or [])

    def faults(self, told: list[ToldHead] | None = None) -> list[tuple[Fault, str]]:
        return [(one.fault, one.subject) for one in self.check(told).findings]

    def sign(self) -> list[Head]:
        def write() -> list[Head]:
            return tree_heads.sign(self.key, tree_heads.grown(), evidence.node_of, BEGIN)

        return self.store.write_now(write)

    def change(self, model: Any, where: Any, **values: Any) -> None:
        assert self.store.write_now(model.update(**values).where(where).execute) == 1

    def remove(self, model: Any, where: Any) -> int:
        return int(self.store.write_now(model.delete().where(where).execute))

    def text(self, number: int) -> Any:
        row = self.store.read_now(models.Manifest.get, models.Manifest.recording == self.recordings[number])
        return json.loads(row.text)


def seal(store: Store, *, audio: bytes) -> UUID:
    due = the_due(store)
    result = sealed(due, audio=audio)
    store.write_now(
        finishing.seal, due, type(result)(**{**vars(result), "sources": SOURCES, "clock": CLOCK}), BEGIN
    )
    store.write_now(finishing.cleared, due.segments)
    return due.id


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    anna = add_user(store, "101")
    recordings = []
    key = made(tmp_path / "audit.key")
    store.write_now(tree_heads.publish, key.public, BEGIN)
    found = World(store, key, anna.organisation, recordings)
    for number in range(7):
        recorded_call(store, anna, at=BEGIN + number * SECOND, number=f"070123456{number}")
        recordings.append(seal(store, audio=b"audio %d" % number))
        if number in (0, 4):
            found.sign()
    other = add_user(store, "201", organisation=store.write_now(add_organisation, "Other"))
    recorded_call(store, other)
    recordings.append(seal(store, audio=b"of another"))
    found.sign()
    store.write_now(drop_triggers, "tree_node", "tree_head")
    return found


def test_what_is_written_down(world: World) -> None:
    text = world.text(2)
    row = world.store.read_now(catalogue.recording, COMMAND_LINE, world.recordings[2])
    assert text["format"] == "ari_recorder manifest 1"
    assert text["audio"]["sha256"] == row.sha256 == sha256(b"audio 2").hexdigest()
    assert text["clock"] == {"ahead_ms": 3.0, "within_ms": 0.5, "read_at": "2026-03-02T08:00:00.000000+00:00"}
    assert text["sources"][0] == {"name": "leg-in.wav16", "sha256": "a" * 64, "size_bytes": 32_044}
    assert text["started_at"] == "2026-03-02T08:00:03.000000+00:00"
    assert [one["ordinal"] for one in text["segments"]] == [1]
    assert text["software"].keys() >= {"ari_recorder", "python"}


def test_no_name_and_no_number_is_in_a_manifest_but_their_hash(world: World) -> None:
    row = world.store.read_now(models.Manifest.get, models.Manifest.recording == world.recordings[2])
    assert "0701234562" not in row.text
    assert "User 101" not in row.text
    personal = json.loads(row.personal)
    assert personal["counterparts"][0]["number"] == "0701234562"
    assert personal["user"] == {"number": "101", "name": "User 101"}
    assert len(bytes.fromhex(personal["salt"])) == 16
    assert json.loads(row.text)["personal_sha256"] == sha256(row.personal.encode()).hexdigest()


def test_nothing_is_found_where_nothing_is_wrong(world: World) -> None:
    checked = world.check()
    assert (checked.manifests, checked.heads, checked.findings) == (8, 4, [])


def test_a_change_of_what_may_change_is_none(world: World) -> None:
    where = models.Recording.id == world.recordings[0]
    world.change(models.Recording, where, note="Call back", mark="red", tag1="order 7")
    world.change(models.User, models.User.number == "101", name="Anna Andersson", mode="never")
    assert world.faults() == []


def test_every_recording_is_proved(world: World) -> None:
    for number, recording in enumerate(world.recordings):
        proof = world.store.read_now(evidence.proof, COMMAND_LINE, recording)
        assert proof is not None
        leaf = merkle.leaf_hash(proof.texts.manifest.encode())
        root = merkle.root_of_inclusion(proof.number, proof.head.size, leaf, proof.path)
        assert root is not None
        assert root.hex() == proof.head.sha256
        assert proof.head.is_signed_with(world.key.public)
        assert proof.head.size == (7 if number < 7 else 1)
        assert proof.key_pem == world.key.public.pem


def test_a_recording_of_others_is_not_proved_and_one_not_signed_yet_later(world: World) -> None:
    asker = scope_of(add_user(world.store, "102"))
    with pytest.raises(NotFound):
        world.store.read_now(evidence.proof, asker, world.recordings[0])
    recorded_call(world.store, add_user(world.store, "103"))
    new = seal(world.store, audio=b"new")
    assert world.store.read_now(evidence.proof, COMMAND_LINE, new) is None
    assert len(world.sign()) == 1
    assert world.store.read_now(evidence.proof, COMMAND_LINE, new) is not None


def test_later_heads_are_of_the_same_list(world: World) -> None:
    heads = [
        head
        for head in world.store.read_now(lambda: list(models.TreeHead.select().dicts()))
        if head["organisation"] == world.organisation
    ]
    heads.sort(key=lambda head: int(head["size"]))
    assert [head["size"] for head in heads] == [1, 5, 7]
    path = world.store.read_now(lambda: merkle.consistency(5, 7, evidence.node_of(world.organisation)))
    assert merkle.is_consistent(
        5, 7, bytes.fromhex(heads[1]["sha256"]), bytes.fromhex(heads[2]["sha256"]), path
    )


def test_a_head_is_due_after_a_minute(world: World) -> None:
    recorded_call(world.store, add_user(world.store, "103"))
    seal(world.store, audio=b"new")
    for later, due in ((timedelta(seconds=59), 0), (timedelta(seconds=60), 1), (-timedelta(days=1), 1)):
        assert len(world.store.read_now(tree_heads.grown, BEGIN + later)) == due


def test_the_database_itself_changes_no_node_and_no_head(store: Store, tmp_path: Path) -> None:
    recorded_call(store, add_user(store))
    seal(store, audio=b"audio")
    key = made(tmp_path / "audit.key")
    store.write_now(lambda: tree_heads.sign(key, tree_heads.grown(), evidence.node_of, BEGIN))
    for deed in (models.TreeHead.update(size=2), models.TreeHead.delete()):
        with pytest.raises(Exception, match="append-only"):
            store.write_now(deed.execute)


def test_recordings_of_before_get_theirs(world: World) -> None:
    world.remove(models.Manifest, models.Manifest.recording == world.recordings[-1])
    world.remove(models.Tree, models.Tree.organisation != world.organisation)
    world.remove(models.TreeHead, models.TreeHead.organisation != world.organisation)
    assert world.faults() == [(Fault.UNPROVED, str(world.recordings[-1]))]
    (without,) = world.store.read_now(evidence.unproved, 10)
    world.store.write_now(evidence.append, without, (), BEGIN)
    world.sign()
    assert world.faults() == []


# Whatever is changed is found


def changed(text: str, luck: random.Random) -> str:
    """With one character more or less by a bit, and still a text."""
    at = luck.randrange(len(text))
    return text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]


@pytest.mark.parametrize(
    ("column", "fault"),
    [("text", Fault.MANIFEST), ("sha256", Fault.LEAF), ("personal", Fault.PEOPLE)],
)
def test_a_changed_manifest_is_found_and_named(world: World, column: str, fault: Fault) -> None:
    luck = random.Random(1)
    for number, recording in enumerate(world.recordings):
        where = models.Manifest.recording == recording
        was = getattr(world.store.read_now(models.Manifest.get, where), column)
        for _ in range(3):
            world.change(models.Manifest, where, **{column: changed(was, luck)})
            assert world.faults() == [(fault, str(recording))], number
        world.change(models.Manifest, where, **{column: was})
    assert world.faults() == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("sha256", "0" * 64), ("size_bytes", 1), ("duration_ms", 1), ("media_type", "audio/wav"),
        ("started_at", BEGIN), ("mode", "never"), ("direction", "outbound"), ("problems", "Something."),
        ("ordinal", 9), ("internal", True), ("sample_rate_hz", 1),
    ],
)  # fmt: skip
def test_a_changed_row_is_found_and_named(world: World, column: str, value: Any) -> None:
    world.change(models.Recording, models.Recording.id == world.recordings[3], **{column: value})
    (finding,) = world.check().findings
    assert (finding.fault, finding.subject) == (Fault.ROW, str(world.recordings[3]))
    assert column in finding.text or "audio" in finding.text


def test_a_changed_segment_call_or_leg_is_found(world: World) -> None:
    recording = world.store.read_now(models.Recording.get_by_id, world.recordings[3])
    leg = world.store.read_now(models.Leg.get_by_id, recording.leg_id)
    for model, where, values in (
        (models.Segment, models.Segment.recording == recording.id, {"offset_ms": 7}),
        (models.Leg, models.Leg.id == leg.id, {"channel": "1.2"}),
        (models.Call, models.Call.id == leg.call_id, {"linkedid": "1.2"}),
    ):
        was = {name: getattr(world.store.read_now(model.get, where), name) for name in values}
        world.change(model, where, **values)
        assert world.faults() == [(Fault.ROW, str(recording.id))]
        world.change(model, where, **was)


@pytest.mark.parametrize(
    ("column", "value"), [("text", "All was explained."), ("sha256", "0" * 64), ("heard_by", "both")]
)
def test_what_was_announced_cannot_be_told_otherwise(world: World, column: str, value: str) -> None:
    anna = world.store.read_now(models.Recording.get_by_id, world.recordings[3]).user_id
    call = recorded_call(world.store, world.store.read_now(people.user_by_id, anna))
    said = {"kind": "start", "sound": "announcement", "language": "en", "text": "This call is recorded."}
    played = {"sha256": "a" * 64, "heard_by": "user", "planned_at": BEGIN, "outcome": "played"}
    new = models.Announcement(leg=call.leg.id, recording=call.recording, **said, **played)
    world.store.write_now(new.save, force_insert=True)
    seal(world.store, audio=b"announced")
    world.sign()
    assert world.faults() == []
    world.change(models.Announcement, models.Announcement.id == new.id, **{column: value})
    (finding,) = world.check().findings
    assert (finding.fault, finding.subject) == (Fault.ROW, str(call.recording))
    assert finding.text == "The catalogue says otherwise of announcements."


@pytest.mark.parametrize("column", ["number", "name"])
def test_another_counterpart_is_found_and_one_who_was_erased_is_none(world: World, column: str) -> None:
    recording = world.store.read_now(models.Recording.get_by_id, world.recordings[3])
    its_row, whom = models.Recording.id == recording.id, models.Counterpart.leg == recording.leg_id
    manifest = models.Manifest.recording == recording.id
    personal = world.store.read_now(models.Manifest.get, manifest).personal
    for model, where, name in (
        (models.Recording, its_row, f"counterpart_{column}"), (models.Counterpart, whom, column),
    ):  # fmt: skip
        was = getattr(world.store.read_now(model.get, where), name)
        world.change(model, where, **{name: "0811"})
        (finding,) = world.check().findings
        assert (finding.fault, finding.subject) == (Fault.ROW, str(recording.id))
        assert finding.text == "The catalogue says otherwise of counterparts."
        world.change(models.Manifest, manifest, personal="")
        assert world.faults() == []
        world.change(model, where, **{name: was})
        world.change(models.Manifest, manifest, personal=personal)


def test_a_changed_node_is_found_and_named(world: World) -> None:
    luck = random.Random(1)
    nodes = world.store.read_now(lambda: list(models.TreeNode.select().dicts()))
    assert len(nodes) == 4
    for node in nodes:
        where = models.TreeNode.id == node["id"]
        world.change(models.TreeNode, where, sha256=changed(node["sha256"], luck))
        subject = f"evidence of {world.organisation}, node {node['level']}/{node['number']}"
        assert world.faults() == [(Fault.NODE, subject)]
        world.change(models.TreeNode, where, sha256=node["sha256"])


@pytest.mark.parametrize("column", ["sha256", "signature", "key_id", "size", "at"])
def test_a_changed_head_is_found_and_named(world: World, column: str) -> None:
    luck = random.Random(1)
    for head in world.store.read_now(lambda: list(models.TreeHead.select().dicts())):
        was = head[column]
        now = changed(was, luck) if isinstance(was, str) else was + 100 if column == "size" else was + SECOND
        where = models.TreeHead.id == head["id"]
        world.change(models.TreeHead, where, **{column: now})
        size = now if column == "size" else head["size"]
        fault = Fault.UNCHECKED if column == "key_id" else Fault.FORGED
        assert world.faults()[0] == (fault, f"evidence of {head['organisation']}, head {size}")
        world.change(models.TreeHead, where, **{column: was})
    assert world.faults() == []


def test_a_signature_changed_where_base64_says_nothing_is_found(world: World) -> None:
    head = world.store.read_now(models.TreeHead.get, head_7(world))
    *_, last, _, _ = head.signature  # of the last two signs are padding, of this one four bits
    assert last in "AQgw"
    other = head.signature[:-3] + chr(ord(last) + 1) + "=="
    world.change(models.TreeHead, head_7(world), signature=other)
    assert world.faults() == [(Fault.FORGED, f"evidence of {world.organisation}, head 7")]


def test_who_makes_hashes_anew_is_found_by_the_signed_head(world: World) -> None:
    where = models.Manifest.recording == world.recordings[5]
    row = world.store.read_now(models.Manifest.get, where)
    text = row.text.replace('"direction":"inbound"', '"direction":"outbound"')
    assert text != row.text
    leaves = world.store.read_now(
        lambda: list(models.Manifest.select().where(models.Manifest.organisation == world.organisation))
    )
    hashes = {one.number: bytes.fromhex(one.sha256) for one in leaves} | {5: merkle.leaf_hash(text.encode())}
    world.change(models.Manifest, where, text=text, sha256=hashes[5].hex())
    world.change(models.Recording, models.Recording.id == world.recordings[5], direction="outbound")
    pair = (models.TreeNode.level == 1) & (models.TreeNode.number == 2)
    world.change(models.TreeNode, pair, sha256=merkle.node_hash(hashes[4], hashes[5]).hex())
    assert world.faults() == [(Fault.HEAD, f"evidence of {world.organisation}, head 7")]


def head_7(world: World) -> Any:
    return (models.TreeHead.organisation == world.organisation) & (models.TreeHead.size == 7)


def newest_gone(world: World) -> None:
    """The newest recording and all that is known of it, with the heads that knew of it."""
    mine = models.Manifest.organisation == world.organisation
    world.remove(models.Manifest, mine & (models.Manifest.number == 6))
    world.remove(
        models.TreeHead, (models.TreeHead.organisation == world.organisation) & (models.TreeHead.size == 7)
    )
    world.change(models.Tree, models.Tree.organisation == world.organisation, size=6)
    gone = world.recordings[6]
    world.remove(models.Segment, models.Segment.recording == gone)
    world.remove(models.Announcement, models.Announcement.recording == gone)
    world.remove(models.Recording, models.Recording.id == gone)


def test_the_newest_recording_taken_away_is_found_by_what_was_told_outside(world: World) -> None:
    head = world.store.read_now(
        models.TreeHead.get,
        (models.TreeHead.organisation == world.organisation) & (models.TreeHead.size == 7),
    )
    log = f"12:00 info the evidence is signed head=evidence:{world.organisation}:7:{head.sha256} key=…"
    told = tree_heads.read_told([log])
    assert world.faults(told) == []
    newest_gone(world)
    assert world.faults() == []  # who has the database could do this
    assert world.faults(told) == [(Fault.MISSING, f"evidence of {world.organisation}, leaf 6")]


def test_a_recording_taken_away_is_found(world: World) -> None:
    gone = world.recordings[3]
    world.remove(models.Segment, models.Segment.recording == gone)
    world.remove(models.Recording, models.Recording.id == gone)
    assert world.faults() == [(Fault.GONE, str(gone))]
    world.remove(models.Manifest, models.Manifest.recording == gone)
    assert world.faults() == [(Fault.MISSING, f"evidence of {world.organisation}, leaf 3")]


def test_two_that_change_places_are_found(world: World) -> None:
    def swap() -> None:
        one, other = (models.Manifest.recording == world.recordings[number] for number in (2, 5))
        for where, number in ((one, -1), (other, 2), (one, 5)):
            models.Manifest.update(number=number).where(where).execute()

    world.store.write_now(swap)
    found = world.faults()
    assert (Fault.NODE, f"evidence of {world.organisation}, node 1/1") in found
    assert (Fault.HEAD, f"evidence of {world.organisation}, head 5") in found


def test_a_head_of_another_key_is_found(world: World, tmp_path: Path) -> None:
    other = made(tmp_path / "other.key")
    found = check(world.store.read_now, [other.public]).findings
    assert {one.fault for one in found} == {Fault.UNCHECKED}
    assert world.key.public.id in found[0].text
    without = check(world.store.read_now, []).findings
    assert [(one.fault, one.subject.rpartition(" ")[2]) for one in without] == [
        (Fault.UNCHECKED, size) for size in "71"
    ]
    assert world.key.public.id in without[0].text
    assert len(found) == 2  # of each tree one
    assert check(world.store.read_now, [world.key.public, other.public]).findings == []


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}"])
def test_what_is_no_manifest_is_found(world: World, text: str) -> None:
    world.change(models.Manifest, models.Manifest.recording == world.recordings[3], text=text)
    assert world.faults() == [(Fault.MANIFEST, str(world.recordings[3]))]
