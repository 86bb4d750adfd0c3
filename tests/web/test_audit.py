"""The audit log: what is written when somebody listens, changes or is denied something, and reading it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import ari_recorder
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.table import COMMANDS
from ari_recorder.policies.targets import S3Target, SftpTarget
from ari_recorder.store import audit_export, audit_seals, people
from ari_recorder.store.audit import Action
from ari_recorder.store.audit_key import SigningKey, made
from ari_recorder.store.audit_log import AuditRow
from ari_recorder.store.models import AuditLine, User
from ari_recorder.store.people import OrganisationRow, UserRow
from ari_recorder.web import audit_fields, audit_words, auditing, listening
from ari_recorder.web.export import Exported
from ari_recorder.web.language import language
from ari_recorder.web.words import Words

from .world import NOON, Answer, Browser, Clock, NewBrowser, World

SIZE = 100_000
MS = 200_000
"""Length of the recording: each half millisecond of it is a byte."""


@pytest.fixture
def recording(world: World) -> UUID:
    return world.recording(world.ids["anna"], audio=bytes(SIZE), duration_ms=MS)


@pytest.fixture
def lines(world: World) -> Callable[..., list[Any]]:
    """Everything in the log of Acme, or that one action."""

    def read(action: str | None = None, of: str = "anna") -> list[Any]:
        chain = world.store.read_now(User.get_by_id, world.ids[of]).organisation_id
        wanted = AuditLine.organisation == chain
        if action:
            wanted &= AuditLine.action == action
        query = AuditLine.select().where(wanted).order_by(AuditLine.number)
        return world.store.read_now(lambda: list(query))

    return read


async def listen(browser: Browser, recording: UUID, asked: str = "", **options: Any) -> Answer:
    headers = {"Range": f"bytes={asked}"} if asked else {}
    return await browser.get(f"/api/v1/recordings/{recording}/audio", headers=headers, **options)


def heard(lines: list[Any]) -> list[tuple[int, int]]:
    details = (json.loads(line.detail) for line in lines)
    return [(detail["from_ms"], detail["to_ms"]) for detail in details]


async def test_who_listens_to_what_and_which_stretch(
    open_browser: NewBrowser, recording: UUID, lines: Callable[..., list[Any]], world: World
) -> None:
    anna = await open_browser("anna")
    assert (await listen(anna, recording)).status == 200
    (line,) = lines("listen")
    assert (line.actor_kind, line.actor, line.actor_name) == ("user", str(world.ids["anna"]), "anna")
    assert (line.subject_kind, line.subject, line.address) == ("recording", str(recording), "127.0.0.1")
    assert (line.at, heard([line])) == (NOON, [(0, MS)])


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        (["0-", "50000-"], [(0, MS)]),  # a browser: all of it, and on from where somebody jumps to
        (["0-1", f"0-{SIZE - 1}"], [(0, MS)]),  # another: first how long it is
        (["0-9999"], [(0, 20_000)]),
        (["0-9999", "10000-19999", "20000-29999"], [(0, 20_000), (20_000, 80_000)]),  # piece by piece
        (["50000-59999", "0-9999", "0-9999"], [(100_000, 120_000), (0, 20_000)]),
        (["-10000"], [(180_000, 200_000)]),
    ],
)
async def test_the_ranges_of_one_playback_are_few_lines(
    open_browser: NewBrowser,
    recording: UUID,
    lines: Callable[..., list[Any]],
    asked: list[str],
    written: list[tuple[int, int]],
) -> None:
    anna = await open_browser("anna")
    for each in asked:
        assert (await listen(anna, recording, each)).status == 206
    assert heard(lines("listen")) == written


async def test_a_later_playback_and_a_copy_are_lines_of_their_own(
    open_browser: NewBrowser, recording: UUID, lines: Callable[..., list[Any]], clock: Clock
) -> None:
    anna = await open_browser("anna")
    await listen(anna, recording)
    await anna.get(f"/api/v1/recordings/{recording}/audio?download=1")
    clock.at += timedelta(minutes=16)
    await listen(anna, recording)
    assert [line.action for line in lines()] == ["sign_in", "listen", "download", "listen"]


async def test_what_sends_no_audio_is_no_listening(
    open_browser: NewBrowser, recording: UUID, lines: Callable[..., list[Any]]
) -> None:
    anna = await open_browser("anna")
    address = f"/api/v1/recordings/{recording}/audio"
    etag = (await anna.request("HEAD", address)).headers["ETag"]
    await anna.get(address, headers={"If-None-Match": etag})
    await anna.get(address, headers={"Range": "bytes=999999-"})
    await anna.get(f"/recordings/{recording}")
    await anna.get(f"/api/v1/recordings/{recording}/waveform")
    assert [line.action for line in lines()] == ["sign_in"]


async def test_without_a_line_no_audio(
    open_browser: NewBrowser, recording: UUID, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line cannot be written: nothing of the recording goes out."""
    anna = await open_browser("anna")

    def refuse() -> None:
        AuditLine._meta.database.execute_sql(
            "CREATE TRIGGER full BEFORE INSERT ON audit_line BEGIN SELECT RAISE(ABORT, 'full'); END"
        )

    world.store.write_now(refuse)
    answer = await listen(anna, recording)
    assert answer.status == 503
    assert bytes(100) not in answer.body
    world.store.write_now(lambda: AuditLine._meta.database.execute_sql("DROP TRIGGER full"))
    assert (await listen(anna, recording)).status == 200


async def test_the_line_is_on_disk_before_the_first_byte(
    open_browser: NewBrowser,
    recording: UUID,
    lines: Callable[..., list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    anna = await open_browser("anna")
    at_first: list[int] = []
    before = listening.write_down

    async def watched(*args: Any, **kwargs: Any) -> None:
        await before(*args, **kwargs)
        at_first.append(len(lines("listen")))

    monkeypatch.setattr(listening, "write_down", watched)
    await listen(anna, recording)
    assert at_first == [1]


async def test_who_may_not_is_written_down_and_not_who_asks_for_nothing(
    open_browser: NewBrowser, recording: UUID, lines: Callable[..., list[Any]]
) -> None:
    olle = await open_browser("olle")
    assert (await olle.get(f"/api/v1/recordings/{recording}")).status == 404
    assert (await olle.get(f"/api/v1/recordings/{UUID(int=7)}")).status == 404
    assert (await olle.get("/prompts")).status == 403
    denied = lines("denied", of="olle")
    subjects = [(line.subject_kind, line.subject) for line in denied]
    assert subjects == [("recording", str(recording)), ("address", "/prompts")]
    assert [json.loads(line.detail)["reason"] for line in denied] == ["not_theirs", "role"]
    assert (await olle.post("/sign-out", {"form_token": "another"})).status == 403
    (_, _, form) = lines("denied", of="olle")
    assert (form.subject, json.loads(form.detail)["reason"]) == ("/sign-out", "form")
    assert lines("denied") == []


async def test_denied_attempts_do_not_fill_the_disk(
    open_browser: NewBrowser, lines: Callable[..., list[Any]], clock: Clock
) -> None:
    anna = await open_browser("anna")
    for _ in range(30):
        await anna.get("/api/v1/prompts")
    assert len(lines("denied")) == auditing.DENIED_PER_MINUTE
    clock.at += timedelta(minutes=1)
    await anna.get("/api/v1/prompts")
    assert json.loads(lines("denied")[-1].detail)["unwritten"] == 20


async def test_searching(open_browser: NewBrowser, recording: UUID, clock: Clock) -> None:
    anna = await open_browser("anna")
    for _ in range(5):
        clock.at += timedelta(hours=1)
        await listen(anna, recording)
    admin = await open_browser("admin-acme")
    await listen(admin, recording, "0-9999")

    async def found(**query: str) -> list[int]:
        answer = await admin.get("/api/v1/audit", params=query)
        assert answer.status == 200, answer.text
        return [line["number"] for line in answer.json()["lines"]]

    assert await found() == [8, 7, 6, 5, 4, 3, 2, 1]
    assert await found(actor="anna") == [6, 5, 4, 3, 2, 1]
    assert await found(**{"from": "2026-11-22T14:00:00Z", "to": "2026-11-22T16:00:00+00:00"}) == [4, 3]
    assert await found(action="listen", subject=str(recording), q="20000") == [8, 6, 5, 4, 3, 2]
    assert await found(action="sign_in") == [7, 1]
    assert await found(q="admin") == [8, 7]
    assert await found(action="download") == await found(subject_kind="call") == []


async def test_the_page_names_who_something_was_done_to_and_nobody_of_another_organisation(
    open_browser: NewBrowser, world: World
) -> None:
    await open_browser("anna")
    admin = await open_browser("admin-acme")
    await admin.get(f"/api/v1/users/{world.ids['olle']}")
    text = (await admin.get("/audit")).text
    assert str(world.ids["olle"]) in text, "the denied attempt is there"
    assert "<bdi>Anna Andersson</bdi>" in text
    assert "Olle" not in text


async def test_page_by_page(open_browser: NewBrowser, recording: UUID, clock: Clock) -> None:
    admin = await open_browser("admin-acme")
    for _ in range(5):
        clock.at += timedelta(hours=1)
        await listen(admin, recording)
    cursor, numbers = "", list[int]()
    while cursor is not None:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await admin.get("/api/v1/audit", params=query)).json()
        numbers += [line["number"] for line in page["lines"]]
        cursor = page["next_cursor"]
    assert numbers == [6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday",
        "from=2026-11-22T14:00:00",
        "action=x",
        "limit=0",
        "limit=501",
        "cursor=x",
        "nosuch=1",
    ],
)
async def test_a_wrong_search_says_so(open_browser: NewBrowser, query: str) -> None:
    admin = await open_browser("admin-acme")
    answer = await admin.get(f"/api/v1/audit?{query}")
    assert answer.status == 400
    assert query.partition("=")[0] in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/audit", "/api/v1/audit", "/api/v1/audit.csv", "/api/v1/audit/key"])
async def test_who_reads_the_log(open_browser: NewBrowser, world: World, path: str) -> None:
    acme = world.store.read_now(User.get_by_id, world.ids["anna"]).organisation_id
    world.user("aud", acme, role="auditor", mode="never")
    assert (await (await open_browser("anna")).get(path)).status == 403
    assert (await (await open_browser("aud")).get(path)).status in (200, 404)


async def test_another_organisations_log_is_not_read(open_browser: NewBrowser, recording: UUID) -> None:
    await listen(await open_browser("anna"), recording)
    other = await open_browser("admin-other")
    read = (await other.get("/api/v1/audit")).json()["lines"]
    assert [(line["action"], line["actor"]["name"]) for line in read] == [("sign_in", "admin-other")]
    assert str(recording) not in (await other.get("/api/v1/audit.jsonl")).text
    assert (await other.get(f"/api/v1/recordings/{recording}/listens")).json() == {"listens": []}


async def test_who_listened_to_a_recording(open_browser: NewBrowser, recording: UUID) -> None:
    admin = await open_browser("admin-acme")
    await listen(await open_browser("anna"), recording)
    await admin.get(f"/api/v1/recordings/{recording}/audio?download=1")
    found = (await admin.get(f"/api/v1/recordings/{recording}/listens")).json()["listens"]
    assert [(one["actor"]["name"], one["action"]) for one in found] == [
        ("admin-acme", "download"),
        ("anna", "listen"),
    ]


def test_everything_in_the_log_has_a_word() -> None:
    package = Path(ari_recorder.__file__).parent
    source = "\n".join(path.read_text() for path in package.rglob("*.py"))
    kinds = set(re.findall(r'\bSubject\("(\w+)"', source)) | set(re.findall(r'^KIND = "(\w+)"', source, re.M))
    assert kinds == set(audit_words.KINDS)
    assert set(audit_words.ACTIONS) == set(Action)


@pytest.mark.parametrize(
    "names",
    [
        {one.name for one in fields(UserRow)} - {"id", "organisation", "organisation_name"},
        {one.name for one in fields(OrganisationRow)} - {"id"},
        {one.name for one in fields(Preferences)},
        {str(command) for command in COMMANDS},
        {one.name for kind in (SftpTarget, S3Target) for one in fields(kind)},
        {name.rstrip("_") for name in Exported.__struct_encode_fields__} - {"ids"},
        {str(outcome) for outcome in people.Outcome},
    ],
    ids=["user", "organisation", "preferences", "codes", "targets", "searches", "imports"],
)
def test_every_member_of_a_detail_has_a_name(names: set[str]) -> None:
    assert not names - audit_fields.FIELDS.keys() - audit_fields.HIDDEN


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "en",
            ["May listen: Yes → No", "Recording mode: Never → Always", "Field 1: – → Case", "Password: set"],
        ),
        (
            "sv",
            [
                "Får lyssna: Ja → Nej",
                "Inspelningsläge: Aldrig → Alltid",
                "Fält 1: – → Case",
                "Lösenord: satt",
            ],
        ),
    ],
)
def test_a_detail_is_said_as_the_pages_say_it(code: str, said: list[str]) -> None:
    detail = {
        "before": {"may_listen": True, "mode": "never", "tag1": ""},
        "after": {"may_listen": False, "mode": "always", "tag1": "Case"},
        "password": "set",
    }
    row = AuditRow(1, NOON, "user", "1", "admin", "", "change", "user", "1", detail, "", "")
    assert audit_words.details(Words(language(code), UTC), row) == said


def test_what_has_parts_is_said_with_all_of_them() -> None:
    detail = {"after": {"codes": {"start": "*41"}, "second_factor": ["user", "auditor"]}, "activation": {}}
    detail["activation"] = {"began": "pro", "start_fee": True, "acknowledgement": ""}
    row = AuditRow(1, NOON, "user", "1", "admin", "", "change", "user", "1", detail, "", "")
    assert audit_words.details(Words(language("en"), UTC), row) == [
        "Keys that the user presses in a call: Start recording: *41",
        "Second factor: User, Auditor",
        "Recorded calls: Switched on: Pro, Start fee: Yes, What they were told, and agreed to: –",
    ]


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return made(tmp_path / "audit.key")


@pytest.mark.parametrize("form", ["jsonl", "csv"])
async def test_an_export_can_be_checked_elsewhere(
    open_browser: NewBrowser, recording: UUID, world: World, tmp_path: Path, key: SigningKey, form: str
) -> None:
    world.change(User, world.ids["anna"], login="=anna,")
    await listen(await open_browser("=anna,"), recording)
    admin = await open_browser("admin-acme")
    chains = world.store.read_now(audit_seals.unsealed)
    world.store.write_now(audit_seals.seal, key, chains, NOON)
    answer = await admin.get(f"/api/v1/audit.{form}")
    assert f"audit.{form}" in answer.headers["Content-Disposition"]
    file = tmp_path / f"audit.{form}"
    file.write_bytes(answer.body)
    found = audit_export.check(file, [key.public])
    assert (found.lines, found.seals, found.findings) == (4, 1 if form == "jsonl" else 0, [])
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
        assert [(row["actor_name"], row["action"]) for row in rows] == [
            ("'=anna,", "sign_in"),
            ("'=anna,", "listen"),
            ("admin-acme", "sign_in"),
            ("admin-acme", "export"),
        ]
    file.write_bytes(answer.body.replace(b"anna,", b"bnna,", 1))
    assert [finding.fault.value for finding in audit_export.check(file, [key.public]).findings] == [
        "audit_line_changed"
    ]


async def test_a_stretch_of_the_log_is_exported_whole(
    open_browser: NewBrowser, recording: UUID, clock: Clock, tmp_path: Path
) -> None:
    admin = await open_browser("admin-acme")
    for _ in range(5):
        clock.at += timedelta(hours=1)
        await listen(admin, recording)
    answer = await admin.get("/api/v1/audit.jsonl?from=2026-11-22T14:00:00Z&to=2026-11-22T16:00:00Z")
    assert [json.loads(line)["number"] for line in answer.text.splitlines()] == [3, 4]
    (tmp_path / "a.jsonl").write_bytes(answer.body)
    found = audit_export.check(tmp_path / "a.jsonl", [])
    assert (found.lines, found.signed, found.findings) == (2, 0, [])


async def test_the_page_tells_in_plain_words(open_browser: NewBrowser, recording: UUID) -> None:
    await listen(await open_browser("anna"), recording, "50000-59999")
    admin = await open_browser("admin-acme")
    text = (await admin.get("/audit")).text
    for words in ("Listened", "from 1:40 to 2:00", "anna", f"/recordings/{recording}", "13:00:00"):
        assert words in text, words
    assert "Only what was done" not in text
    of_it = (await admin.get(f"/audit?subject={recording}")).text
    assert re.search(rf"Only what was done to this: A recording, <span class=\"sub\">{recording}", of_it)
    assert re.search(r"<span class=\"sub\">Line \d+</span>", text)
    assert "Lyssnade" in (await admin.get("/audit", headers={"Cookie": "ari_recorder_language=sv"})).text
    for none in ("q=nosuch", "action=download", "to=2026-11-21", f"subject={UUID(int=7)}"):
        shown = (await admin.get(f"/audit?{none}")).text
        assert "Nothing was done that fits this" in shown, none
        assert "<table" not in shown, none
    assert (await admin.get("/audit?from=x")).status == 400
    assert (await admin.get("/audit?nosuch=1")).status == 400
    assert "Listened" in (await admin.get("/audit?from=2026-11-22&to=2026-11-22&action=listen")).text


@pytest.mark.parametrize(
    ("action", "subject", "words"),
    [("create", "hold", "Placed"), ("remove", "hold", "Released"), ("create", "erasure", "Begun"),
     ("remove", "erasure", "Carried out"), ("remove", "user", "Removed"),
     ("later", "hold", "later")],
)  # fmt: skip
def test_an_erasure_that_is_done_was_not_removed(action: str, subject: str, words: str) -> None:
    made = AuditRow(**dict.fromkeys((one.name for one in fields(AuditRow)), ""))  # type: ignore[arg-type]
    row = replace(made, action=action, subject_kind=subject)
    assert audit_words.action(Words(language("en"), UTC), row) == words


async def test_the_page_tells_why_somebody_was_denied(open_browser: NewBrowser, recording: UUID) -> None:
    bo, admin = await open_browser("bo"), await open_browser("admin-acme")
    await bo.get("/prompts")
    await bo.get(f"/recordings/{recording}")
    text = (await admin.get("/audit")).text
    assert "Reason: their role does not include it" in text
    assert "Reason: it is not theirs to see" in text
    assert f"Address: /recordings/{recording}" in text
    assert "method: GET" not in text
