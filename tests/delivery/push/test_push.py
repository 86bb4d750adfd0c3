"""Yesterday's recordings at a customer's own server at 06:00, whatever happens to it meanwhile."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncssh
import pytest

from ari_recorder.delivery.push import to_sftp
from ari_recorder.errors import Invalid
from ari_recorder.store import models
from ari_recorder.store.deliveries import pushing, secrets

from ...web.world import opus
from ..office import AT_NOON, BY, DAY, SIX, Office, audited, later
from .customer import LOGIN, PASSWORD, Customer, customer
from .pushing import Push

MANIFEST = f"{DAY}/manifest-{DAY}.csv"


@pytest.fixture
def push(office: Office) -> Push:
    return Push(office)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Customer]:
    async with customer(tmp_path / "customer") as made:
        yield made


async def test_at_six_and_not_before(push: Push, place: Customer) -> None:
    push.office.recording()
    push.to(place)
    push.office.clock.at = SIX - timedelta(seconds=1)
    await push.now()
    assert f"in/{MANIFEST}" not in place.files
    push.office.clock.at = SIX
    await push.now()
    files = place.files
    (audio,) = [name for name in files if name.endswith(".opus")]
    assert audio.startswith(f"in/{DAY}/12-00-00_101_0812345678_in_")
    assert files[audio] == opus()
    assert f"in/{MANIFEST}" in files
    assert audio.rpartition("/")[2] in files[f"in/{MANIFEST}"].decode()
    assert all(".part" in name or "manifest" in name for name in place.parts)
    row = push.report()[DAY]
    assert (row.files, row.sent, row.sent_at, row.problem) == (1, 1, SIX, "")


async def test_what_lies_there_is_not_sent_again(push: Push, place: Customer) -> None:
    push.office.recording()
    push.to(place)
    await push.now()
    connections = place.connections
    later(push.office, minutes=6)
    push.restart()
    await push.now()
    assert place.connections == connections, "there is nothing to say"


async def test_a_late_one_is_pushed_when_it_is_ready_and_the_manifest_with_it(
    push: Push, place: Customer
) -> None:
    made = push.office.recording(stored=False)
    push.to(place)
    await push.now()
    assert (push.report()[DAY].sent_at, push.report()[DAY].files) == (None, 0)
    first = place.files[f"in/{MANIFEST}"]
    world = push.office.world
    world.change(models.Recording, made, **world._store(world.ids["anna"], made, AT_NOON, opus()))
    later(push.office, minutes=6)
    await push.now()
    files = place.files
    assert sum(name.endswith(".opus") for name in files) == 1
    assert files[f"in/{MANIFEST}"] != first
    assert push.report()[DAY].sent_at == push.office.clock.at


async def test_it_is_written_down_who_gets_it_before_it_goes(push: Push, place: Customer) -> None:
    made = push.office.recording()
    push.to(place)
    await push.now()
    (line,) = audited(push.office, "download")
    assert (line.actor_kind, line.subject) == ("push", str(made))
    assert line.actor_name == f"sftp://{LOGIN}@127.0.0.1:{place.port}/in"


async def test_a_connection_that_breaks_half_way_is_gone_on_with(push: Push, place: Customer) -> None:
    content = os.urandom(6_000_000)
    push.office.recording(audio=content)
    push.to(place)
    place.breaks_after_bytes = 4_500_000
    await push.now()
    assert not any(name.endswith(".opus") for name in place.files), "nothing in part under its own name"
    row = push.report()[DAY]
    assert "lost" in row.problem
    assert (row.attempts, row.due_at) == (1, SIX + timedelta(minutes=1))
    place.breaks_after_bytes = None
    before = place.written_bytes
    push.restart()
    later(push.office, minutes=1)
    await push.now()
    (audio,) = [name for name in place.files if name.endswith(".opus")]
    assert hashlib.sha256(place.files[audio]).digest() == hashlib.sha256(content).digest()
    assert place.written_bytes - before < 4_000_000, "not all of it was sent again"
    assert not any(".part" in name for name in place.files)
    assert push.report()[DAY].problem == ""


async def test_a_host_key_that_changed_gets_nothing(push: Push, place: Customer, tmp_path: Path) -> None:
    push.office.recording()
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key("openssh").decode()
    row = push.to(place, host_key=" ".join(other.split()[:2]))
    await push.now()
    assert place.files == {}
    assert "another host key" in push.report()[DAY].problem
    await push.office.world.store.write(pushing.ask_for_test, row.organisation, push.office.clock())
    await push.now()
    found = push.office.world.store.read_now(pushing.find, row.organisation)
    assert found is not None
    assert "another host key" in found.test_problem
    rsa = asyncssh.generate_private_key("ssh-rsa").export_public_key("openssh").decode()
    push.to(place, host_key=" ".join(rsa.split()[:2]))
    later(push.office, hours=2)
    await push.now()
    assert place.files == {}
    assert push.report()[DAY].problem


async def test_a_disk_that_is_full(push: Push, place: Customer) -> None:
    for n in range(5):
        push.office.recording(at=AT_NOON + timedelta(minutes=n))
    push.to(place)
    place.full_after_bytes = 2 * len(opus()) + 5000  # and the manifests of the days before
    await push.now()
    row = push.report()[DAY]
    assert row.sent == 2
    assert "space" in row.problem.lower()
    assert f"in/{MANIFEST}" not in place.files, "the manifest comes when all that it lists is there"
    place.full_after_bytes = None
    later(push.office, minutes=1)
    await push.now()
    assert push.report()[DAY].sent == 5
    assert f"in/{MANIFEST}" in place.files


async def test_a_full_disk_of_which_the_server_says_no_more_than_failure(push: Push, place: Customer) -> None:
    """As OpenSSH's does."""
    push.office.recording()
    push.to(place)
    place.full_after_bytes, place.word = 5000, "Failure"
    await push.now()
    assert "its disk may be full" in push.report()[DAY].problem


async def test_one_file_that_is_refused_keeps_no_other_back(push: Push, place: Customer) -> None:
    made = [push.office.recording(at=AT_NOON + timedelta(minutes=n)) for n in range(4)]
    push.to(place)
    place.denies = made[1].hex
    await push.now()
    assert sum(name.endswith(".opus") for name in place.files) == 3
    row = push.report()[DAY]
    assert (row.sent, row.files) == (3, 4)
    assert "not here" in row.problem


async def test_damaged_audio_is_told_and_the_rest_is_pushed(push: Push, place: Customer) -> None:
    bad = push.office.recording()
    push.office.recording(at=AT_NOON + timedelta(minutes=1))
    row = push.office.world.store.read_now(models.Recording.get_by_id, bad)
    path = push.office.world.safe.vault.root / row.vault_key  # type: ignore[attr-defined]
    sealed = path.read_bytes()
    path.write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    push.to(place)
    await push.now()
    assert sum(name.endswith(".opus") for name in place.files) == 1
    assert push.report()[DAY].problem


async def test_a_server_that_lies_about_what_it_wrote(push: Push, place: Customer) -> None:
    push.office.recording()
    push.to(place)
    place.lies = True
    await push.now()
    assert not any(name.endswith(".opus") for name in place.files)
    assert "0 of" in push.report()[DAY].problem
    place.lies = False
    later(push.office, minutes=1)
    await push.now()
    assert any(name.endswith(".opus") for name in place.files)


async def test_a_server_that_hangs(push: Push, place: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(to_sftp, "CHUNK_WITHIN_S", 0.3)
    monkeypatch.setattr(to_sftp, "ANSWERED_WITHIN_S", 0.5)
    push.office.recording()
    push.to(place)
    place.stalls = True
    await push.now()
    assert "in time" in push.report()[DAY].problem


async def test_a_server_that_is_away_is_tried_ever_later_and_given_up_with_the_window(
    push: Push, tmp_path: Path
) -> None:
    push.office.recording()
    async with customer(tmp_path / "gone") as gone:
        push.to(gone)
    waits = []
    for _ in range(4):
        await push.now()
        row = push.report()[DAY]
        assert "cannot be reached" in row.problem
        assert row.due_at is not None
        waits.append((row.due_at - push.office.clock.at) / timedelta(minutes=1))
        push.office.clock.at = row.due_at
    assert waits == [1, 5, 15, 30]
    push.office.clock.at = SIX + timedelta(days=3)
    await push.now()
    row = push.report()[DAY]
    assert row.due_at is None
    assert "cannot be reached" in row.problem, "it is still told why"


async def test_servers_without_posix_rename(push: Push, place: Customer) -> None:
    push.office.recording()
    push.to(place)
    place.no_posix_rename = True
    await push.now()
    assert f"in/{MANIFEST}" in place.files
    push.office.recording(at=AT_NOON + timedelta(minutes=1))
    later(push.office, minutes=6)
    await push.now()
    assert push.report()[DAY].problem == ""
    assert sum(name.endswith(".opus") for name in place.files) == 2


async def test_it_died_between_renaming_and_writing_it_down(push: Push, place: Customer) -> None:
    push.office.recording()
    push.to(place)
    await push.now()
    push.office.world.store.write_now(lambda: models.Handed.delete().execute())
    written = place.written_bytes
    later(push.office, minutes=6)
    await push.now()
    assert place.written_bytes == written
    assert push.office.world.store.read_now(lambda: models.Handed.select().count()) == 1


async def test_by_a_password(push: Push, place: Customer) -> None:
    push.office.recording()
    push.to(place, secrets.PASSWORD, PASSWORD)
    await push.now()
    assert push.report()[DAY].sent == 1
    push.to(place, secrets.PASSWORD, "wrong one")
    push.office.recording(at=AT_NOON + timedelta(minutes=1))
    await push.now()
    assert "does not let recorder in" in push.report()[DAY].problem


async def test_secrets_are_sealed_and_go_nowhere_else(push: Push, place: Customer) -> None:
    push.to(place, secrets.PASSWORD, PASSWORD)
    raw = (push.office.folder / "catalogue.db").read_bytes()
    assert PASSWORD.encode() not in raw
    for differently in ({"host": "192.0.2.7"}, {"login": "other"}, {"port": 2}):
        with pytest.raises(Invalid) as fault:
            push.to(place, secrets.PASSWORD, "", **differently)
        assert fault.value.field == "secret"
    assert push.to(place, secrets.PASSWORD, "", folder="elsewhere").has_secret
    by_key = push.to(place)
    again = push.to(place, host="192.0.2.7")
    assert by_key.place.public_key == again.place.public_key  # type: ignore[union-attr]
    assert b"OPENSSH PRIVATE KEY" not in (push.office.folder / "catalogue.db").read_bytes()
    lines = audited(push.office, "create", "change")
    assert not any(PASSWORD in line.detail or "PRIVATE" in line.detail for line in lines)


async def test_addresses_of_the_inside_network_are_refused_unless_allowed(
    push: Push, place: Customer, office: Office
) -> None:
    push.office.recording()
    push.settings = office.settings
    push.restart()
    for host in ("127.0.0.1", "localhost", "169.254.169.254", "::1", "10.0.0.1", "0.0.0.0"):  # noqa: S104
        push.to(place, host=host)
        later(push.office, hours=2)
        await push.now()
        assert "inside network" in push.report()[DAY].problem, host
    assert place.connections == 0


async def test_the_test_button_says_what_comes_of_it(push: Push, place: Customer) -> None:
    row = push.to(place)
    store = push.office.world.store
    await store.write(pushing.ask_for_test, row.organisation, SIX)
    await push.now()
    found = store.read_now(pushing.find, row.organisation)
    assert found is not None
    assert (found.is_being_tested, found.test_problem, found.tested_at) == (False, "", SIX)
    assert not any(".ari_recorder-test" in name for name in place.files)
    place.authorized = ""
    later(push.office, minutes=1)
    await store.write(pushing.ask_for_test, row.organisation, push.office.clock())
    await push.now()
    found = store.read_now(pushing.find, row.organisation)
    assert found is not None
    assert "does not let recorder in" in found.test_problem


async def test_another_place_gets_what_is_in_the_view(push: Push, place: Customer, tmp_path: Path) -> None:
    push.office.recording()
    push.to(place)
    await push.now()
    async with customer(tmp_path / "second") as second:
        push.to(second)
        await push.now()
        assert set(second.files) == set(place.files)


async def test_nothing_is_said_to_be_at_another_place_before_it_is(
    push: Push, place: Customer, tmp_path: Path
) -> None:
    push.office.recording()
    push.to(place)
    await push.now()
    assert push.report()[DAY].sent_at == SIX
    async with customer(tmp_path / "another") as another:
        push.to(another)
        assert (push.report()[DAY].sent, push.report()[DAY].sent_at) == (0, None)
    await push.now()  # it is away
    row = push.report()[DAY]
    assert (row.files, row.sent, row.sent_at) == (1, 0, None)
    assert row.problem == f"127.0.0.1 port {another.port} cannot be reached: Connection refused."


async def test_when_one_more_does_not_get_there_not_all_is_there(push: Push, place: Customer) -> None:
    push.office.recording()
    push.to(place)
    await push.now()
    push.office.recording(at=AT_NOON + timedelta(minutes=1))
    place.authorized = ""
    later(push.office, minutes=6)
    await push.now()
    row = push.report()[DAY]
    assert (row.files, row.sent, row.sent_at) == (2, 1, None)


async def test_switched_off_nothing_is_sent(push: Push, place: Customer) -> None:
    push.office.recording()
    row = push.to(place)
    push.set("sftp", {**vars(row.place)}, enabled=False)
    await push.now()
    assert place.connections == 0
    push.office.world.store.write_now(
        pushing.remove_target, row.organisation, actor=BY, now=push.office.clock()
    )
    await push.now()
    assert place.connections == 0


async def test_another_key_in_the_file_is_told(push: Push, place: Customer) -> None:
    push.office.recording()
    push.to(place)
    push.settings.web.key_file.unlink()
    push.restart()
    await push.now()
    assert "web.key_file" in push.report()[DAY].problem
