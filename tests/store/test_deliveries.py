"""What is handed over, as the catalogue has it, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from ari_recorder.errors import Conflict, Invalid, NotAllowed, NotFound
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.policies.ssh_keys import public_key
from ari_recorder.store import annotations, models, people
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.database import Store
from ari_recorder.store.deliveries import accounts, pushing, view
from ari_recorder.store.deliveries.view import FETCHED, PUSHED, Made

from ..web.matrix_table import PUBLIC_KEY
from ..web.world import World
from .build import safe_in

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
BY = Actor(ActorKind.COMMAND_LINE, "test", "test")
BEGINS, ENDS = datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC)
NOON = BEGINS + timedelta(hours=12)
DAYS = ["2026-11-19", "2026-11-20", "2026-11-21"]


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    made = World(store, safe_in(store, tmp_path), tmp_path)
    made.ids["acme"] = made.organisation("Acme", timezone="Europe/Stockholm")
    made.ids["other"] = made.organisation("Other")
    made.user("anna", made.ids["acme"], number="101")
    made.user("bo", made.ids["acme"], number="102")
    made.user("olle", made.ids["other"], number="101")
    return made


def change(world: World, organisation: str = "acme", **values: object) -> accounts.DeliveryRow:
    return world.store.write_now(accounts.change, world.ids[organisation], values, actor=BY, now=NOW)


def part(world: World, organisation: str = "acme", limit: int = 500, made_by: str = "m") -> list[UUID]:
    terms = world.store.read_now(view.terms, world.ids[organisation])
    if terms is None:
        return []
    found: list[UUID] = []
    after = None
    while items := world.store.read_now(view.part, terms, BEGINS, ENDS, made_by, after, limit):
        found += [item.row.id for item in items]
        after = items[-1].row.started_at, items[-1].row.id
    return found


def test_a_day_is_read_in_parts_and_is_ones_own(world: World) -> None:
    assert part(world) == []
    change(world, login="acme")
    same = [world.recording(world.ids["anna"], started_at=NOON) for _ in range(3)]
    first = world.recording(world.ids["bo"], started_at=BEGINS)
    last = world.recording(world.ids["anna"], started_at=ENDS - timedelta(milliseconds=1))
    world.recording(world.ids["anna"], started_at=ENDS)
    world.recording(world.ids["anna"], started_at=BEGINS - timedelta(milliseconds=1))
    world.recording(world.ids["olle"], started_at=NOON)
    world.recording(world.ids["anna"], started_at=NOON, stored=False, state="discarded")
    expected = [first, *sorted(same), last]
    for limit in (1, 2, 3, 500):
        assert part(world, limit=limit) == expected


def test_whose_recordings_are_handed_over(world: World) -> None:
    anna = world.recording(world.ids["anna"], started_at=NOON)
    bo = world.recording(world.ids["bo"], started_at=NOON + timedelta(seconds=1))
    change(world, login="acme")
    assert part(world) == [anna, bo]
    write = world.store.write_now
    group = write(people.add_group, world.ids["acme"], "Sales", actor=BY, now=NOW)
    write(people.add_members, world.ids["acme"], group.id, [world.ids["bo"]], actor=BY, now=NOW)
    row = change(world, everybody=False, groups=[group.id])
    assert row.groups == ((group.id, "Sales"),)
    assert part(world) == [bo]
    write(people.remove_group, world.ids["acme"], group.id, actor=BY, now=NOW)
    assert part(world) == []
    theirs = write(people.add_group, world.ids["other"], "Theirs", actor=BY, now=NOW)
    with pytest.raises(Invalid):
        change(world, groups=[theirs.id])


def test_accounts_and_keys(world: World) -> None:
    change(world, login="acme", form="flac", acknowledges=True)
    write, acme, other = world.store.write_now, world.ids["acme"], world.ids["other"]
    key = write(accounts.add_key, acme, "", f"{PUBLIC_KEY} backup", actor=BY, now=NOW)
    assert (key.name, key.fingerprint) == ("backup", public_key("key", PUBLIC_KEY).fingerprint)
    with pytest.raises(Conflict):
        write(accounts.add_key, acme, "again", PUBLIC_KEY, actor=BY, now=NOW)
    with pytest.raises(Conflict):
        change(world, "other", login="acme")
    with pytest.raises(Conflict, match="there is an account 'acme' already"):
        change(world, "other", login="ACME")
    with pytest.raises(NotFound):
        write(accounts.remove_key, other, key.id, actor=BY, now=NOW)
    for wrong in ({"form": "mp3"}, {"everybody": 1}, {"nonsense": 1}, {"login": "a b"}):
        with pytest.raises(Invalid):
            change(world, **wrong)
    account = world.store.read_now(accounts.account, "acme")
    assert account is not None
    assert (account.organisation, account.keys) == (acme, ((key.id, PUBLIC_KEY),))
    assert world.store.read_now(accounts.account, "Acme ") == account
    write(accounts.came_in, acme, key.id, BY, NOW)
    assert world.store.read_now(accounts.find_key, acme, key.id).seen_at == NOW
    assert [row[0] for row in world.store.read_now(accounts.made_into)] == [acme]
    change(world, login="")
    assert world.store.read_now(accounts.account, "acme") is None
    assert world.store.read_now(accounts.account, "") is None


def test_there_are_only_so_many_keys(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "KEYS_MAX", 1)
    write, acme = world.store.write_now, world.ids["acme"]
    write(accounts.add_key, acme, "", PUBLIC_KEY, actor=BY, now=NOW)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    second = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    with pytest.raises(Invalid, match="1 keys"):
        write(accounts.add_key, acme, "", second.decode(), actor=BY, now=NOW)


def test_what_a_recording_becomes_is_remembered_for_what_made_it(world: World) -> None:
    change(world, form="wav")
    made = world.recording(world.ids["anna"], started_at=NOON)
    terms = world.store.read_now(view.terms, world.ids["acme"])
    assert terms is not None

    def unmade(by: str, now: datetime = NOW, but: list[str] | None = None) -> list[UUID]:
        return world.store.read_now(view.unmade, terms, BEGINS, ENDS, by, but or ["audio/wav"], now, 10)

    assert unmade("a") == [made]
    assert unmade("a", but=["audio/ogg"]) == [], "it is kept so"
    write = world.store.write_now
    write(view.keep_made, made, "wav", "a", Made(5_000_000_000, "0" * 64, ""), NOW)
    assert unmade("a") == []
    assert unmade("b") == [made], "another release may make other bytes"
    (item,) = world.store.read_now(view.part, terms, BEGINS, ENDS, "a", None, 10)
    assert item.made == Made(5_000_000_000, "0" * 64, "")
    (item,) = world.store.read_now(view.part, terms, BEGINS, ENDS, "b", None, 10)
    assert item.made is None
    write(view.keep_made, made, "wav", "b", Made(None, "", "damaged"), NOW)
    assert unmade("b") == []
    assert unmade("b", NOW + timedelta(hours=1, seconds=1)) == [made]
    write(view.forget_made, made, "wav")
    assert unmade("b") == [made]
    write(view.keep_made, models.new_id(), "wav", "b", Made(1, "", ""), NOW)  # disposed of meanwhile


def test_when_something_was_noted_of_one_last(world: World) -> None:
    change(world, login="acme")
    made, _ = (world.recording(world.ids["anna"], started_at=NOON + timedelta(minutes=n)) for n in range(2))
    for minutes, note in enumerate(("Call back", "Called back")):
        world.store.write_now(
            annotations.annotate_recording, COMMAND_LINE, BY, made, {"note": note},
            NOW + timedelta(minutes=minutes),
        )  # fmt: skip
    terms = world.store.read_now(view.terms, world.ids["acme"])
    assert terms is not None
    found = world.store.read_now(view.part, terms, BEGINS, ENDS, "m", None, 10)
    assert [item.noted_at for item in found] == [NOW + timedelta(minutes=1), None]


def test_acknowledging_needs_that_it_was_fetched(world: World) -> None:
    change(world, login="acme", acknowledges=True)
    made, acme, write = (
        world.recording(world.ids["anna"], started_at=NOON),
        world.ids["acme"],
        world.store.write_now,
    )
    with pytest.raises(NotAllowed):
        write(view.acknowledge, acme, made, DAYS[2], BY, NOW)
    write(view.handed, acme, made, PUSHED, 10, NOW)
    with pytest.raises(NotAllowed):
        write(view.acknowledge, acme, made, DAYS[2], BY, NOW)
    write(view.handed, acme, made, FETCHED, 10, NOW)
    write(view.acknowledge, acme, made, DAYS[2], BY, NOW)
    terms = world.store.read_now(view.terms, acme)
    assert terms is not None
    (item,) = world.store.read_now(view.part, terms, BEGINS, ENDS, "m", None, 10)
    assert item.acknowledged
    assert world.store.read_now(pushing.fetched, acme, NOW - timedelta(days=7)) == (1, 1, NOW)
    write(view.acknowledge_manifest, acme, DAYS[2], "a" * 64)
    assert world.store.read_now(view.acknowledged_manifests, acme, DAYS) == {DAYS[2]: "a" * 64}
    change(world, acknowledges=False)
    terms = world.store.read_now(view.terms, acme)
    assert terms is not None
    (item,) = world.store.read_now(view.part, terms, BEGINS, ENDS, "m", None, 10)
    assert not item.acknowledged


def test_a_recording_that_is_removed_takes_what_is_known_of_it_along(world: World) -> None:
    change(world, form="wav")
    made, acme, write = (
        world.recording(world.ids["anna"], started_at=NOON),
        world.ids["acme"],
        world.store.write_now,
    )
    write(view.handed, acme, made, FETCHED, 10, NOW)
    write(view.keep_made, made, "wav", "a", Made(1, "", ""), NOW)

    def dispose() -> None:
        for table in (models.Segment, models.Searched):
            table.delete().where(table.recording == made).execute()
        models.Recording.delete().where(models.Recording.id == made).execute()

    write(dispose)
    assert world.store.read_now(lambda: models.Handed.select().count()) == 0
    assert world.store.read_now(lambda: models.ConvertedSize.select().count()) == 0
    write(view.handed, acme, made, FETCHED, 10, NOW)
    assert world.store.read_now(lambda: models.Handed.select().count()) == 0


# Pushing


def target(world: World, enabled: bool = True, **differently: object) -> pushing.TargetRow:
    values = {"host": "sftp.example.com", "login": "acme", "host_key": PUBLIC_KEY, **differently}
    return world.store.write_now(
        pushing.set_target, world.ids["acme"], "sftp", values, "sealed", enabled=enabled, actor=BY, now=NOW
    )


def test_days_become_due_are_tried_again_and_end(world: World) -> None:
    target(world)
    acme, write, read = world.ids["acme"], world.store.write_now, world.store.read_now
    assert read(pushing.pushing) == [(acme, "Europe/Stockholm")]
    assert read(pushing.are_new, acme, DAYS)
    write(pushing.open_days, acme, DAYS, NOW)
    assert not read(pushing.are_new, acme, DAYS)
    assert [one.day for one in read(pushing.due, NOW, 10)] == DAYS
    first = read(pushing.due, NOW, 1)[0]
    write(pushing.failed, first, 5, 2, "no answer", NOW + timedelta(minutes=1))
    write(pushing.failed, first, None, None, "a fault", NOW + timedelta(minutes=1))
    assert [one.day for one in read(pushing.due, NOW, 10)] == DAYS[1:]
    (again,) = [one for one in read(pushing.due, NOW + timedelta(minutes=1), 10) if one.day == DAYS[0]]
    assert again.attempts == 1
    report = {row.day: row for row in read(pushing.report, acme)}
    assert (report[DAYS[0]].files, report[DAYS[0]].sent, report[DAYS[0]].problem) == (5, 2, "a fault")
    write(pushing.went, again, 5, 5, "m" * 64, NOW + timedelta(minutes=5), NOW)
    (done,) = [row for row in read(pushing.report, acme) if row.day == DAYS[0]]
    assert (done.problem, done.attempts, done.sent_at) == ("", 0, NOW)
    write(pushing.open_days, acme, [*DAYS[1:], "2026-11-22"], NOW)
    report = {row.day: row for row in read(pushing.report, acme)}
    assert report[DAYS[0]].due_at is None
    assert report["2026-11-22"].due_at == NOW
    target(world, enabled=False)
    assert read(pushing.due, NOW + timedelta(days=1), 10) == []
    assert write(pushing.forget_before, DAYS[1]) == 1


def test_another_place_begins_anew_and_another_folder_too(world: World) -> None:
    target(world)
    made = world.recording(world.ids["anna"], started_at=NOON)
    acme, write, read = world.ids["acme"], world.store.write_now, world.store.read_now
    write(view.handed, acme, made, PUSHED, 10, NOW)
    target(world)
    assert read(pushing.pushed, [made]) == {made}
    target(world, folder="elsewhere")
    assert read(pushing.pushed, [made]) == frozenset()
    write(view.not_handed, acme, made, PUSHED, "full")
    assert read(pushing.pushed, [made]) == frozenset()
    assert read(pushing.pushed, []) == frozenset()


def test_a_test_is_asked_for_and_made_once(world: World) -> None:
    target(world)
    acme, write, read = world.ids["acme"], world.store.write_now, world.store.read_now
    assert read(pushing.to_test) == []
    write(pushing.ask_for_test, acme, NOW)
    assert read(pushing.to_test) == [acme]
    write(pushing.tested, acme, NOW - timedelta(seconds=1), "of another time", NOW)
    assert read(pushing.to_test) == [acme]
    write(pushing.tested, acme, NOW, "it did not work", NOW - timedelta(seconds=5))
    row = read(pushing.find, acme)
    assert row is not None
    assert (row.is_being_tested, row.test_problem) == (False, "it did not work")
    with pytest.raises(NotFound):
        write(pushing.ask_for_test, world.ids["other"], NOW)
    write(pushing.remove_target, acme, actor=BY, now=NOW)
    assert read(pushing.find, acme) is None
    assert read(pushing.secret_of, acme) == ""
    with pytest.raises(NotFound):
        write(pushing.remove_target, acme, actor=BY, now=NOW)
