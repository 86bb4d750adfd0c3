"""Pages of the ledger, of tokens, of sessions, and of the operator's organisations."""

from __future__ import annotations

import re
from datetime import UTC, timedelta
from uuid import UUID, uuid4

import pytest

from ari_recorder.policies.retention import Rule
from ari_recorder.policies.rights import PROGRAM_RIGHTS
from ari_recorder.store import disposal, models
from ari_recorder.store.audit_log import AuditRow
from ari_recorder.store.models import AuditLine, LedgerLine, Organisation, Session, Token
from ari_recorder.web import audit_words
from ari_recorder.web.administration.token_pages import SCOPES
from ari_recorder.web.language import language
from ari_recorder.web.words import Words

from .world import NOON, Answer, Browser, NewBrowser, World

DAY = timedelta(days=1)
LONG = "seventeen quiet lanterns drift"


@pytest.fixture
async def admin(open_browser: NewBrowser) -> Browser:
    return await open_browser("admin-acme")


@pytest.fixture
async def operator(open_browser: NewBrowser, world: World) -> Browser:
    world.user("op", world.organisation("Provider"), role="operator", mode="never")
    return await open_browser("op")


async def send(browser: Browser, path: str, **fields: str) -> Answer:
    return await browser.post(path, {"form_token": await browser.form_token("/account"), **fields})


async def told(browser: Browser, answer: Answer) -> str:
    """The page that a form's answer leads to."""
    assert answer.status == 303, answer.text
    return (await browser.get(answer.headers["Location"])).text


# the ledger


@pytest.fixture
def due(world: World) -> dict[str, UUID]:
    """A call of Anna for each outcome, an hour apart, and one of another organisation."""
    found = {}
    lines = (
        ("recorded", "", "anna"), ("discarded", "start was not given during the call", "anna"),
        ("not_recorded", "asterisk: <b>No space</b>", "anna"), (None, "", "bo"), ("recorded", "", "olle"),
    )  # fmt: skip
    for hour, (outcome, reason, who) in enumerate(lines):
        at = NOON - timedelta(hours=hour)
        recording = world.recording(world.ids[who], started_at=at)
        found[outcome or "open"] = recording

        def make(recording: UUID = recording, outcome: str | None = outcome, reason: str = reason) -> None:
            row = models.Recording.get_by_id(recording)
            LedgerLine.create(
                leg=row.leg_id, organisation=row.organisation_id, opened_at=row.started_at, outcome=outcome,
                reason=reason, closed_at=NOON if outcome else None,
            )  # fmt: skip

        world.store.write_now(make)
    return found


async def test_each_line_of_the_ledger_says_why(admin: Browser, due: dict[str, UUID]) -> None:
    text = (await admin.get("/ledger")).text
    for said in (
        "As it should be.", "The user did not press start during the call.",
        "Asterisk: &lt;b&gt;No space&lt;/b&gt;", "The call goes on, or its recording is being prepared.",
    ):  # fmt: skip
        assert said in text
    assert "Olle" not in text
    assert re.search(r"<b>4</b> Due", text)
    assert f"/recordings/{due['not_recorded']}" in text


async def test_what_went_wrong_is_told_in_the_readers_language_and_by_their_clock(
    admin: Browser, due: dict[str, UUID], world: World
) -> None:
    reason = "5.0 s are missing from 12:00:04 UTC on: Asterisk began late.\nsegment 1: <b>lost</b>"
    world.store.write_now(
        lambda: LedgerLine.update(reason=reason).where(LedgerLine.outcome == "recorded").execute()
    )
    await admin.get("/ledger?lang=sv")
    text = (await admin.get("/ledger")).text
    assert ">5,0 s saknas från 13:00:04: Asterisk började sent.</span>" in text
    assert 'lang="en">Segment 1: &lt;b&gt;lost&lt;/b&gt;</span>' in text


async def test_a_recording_that_was_disposed_of_does_not_look_as_if_it_were_there(
    admin: Browser, due: dict[str, UUID], world: World
) -> None:
    kept = LedgerLine.update(outcome="recorded", reason="").where(LedgerLine.outcome == "discarded")
    world.store.write_now(kept.execute)
    assert "Gone since" not in (await admin.get("/ledger")).text
    world.store.write_now(
        disposal.begin, [due["discarded"]], disposal.Why(Rule.RETENTION, {"days": 180}), NOON
    )
    text = (await admin.get("/ledger?outcome=recorded")).text
    assert '<a href="/disposals">Gone since<' in text
    assert str(due["discarded"]) not in text


async def test_what_the_user_did_not_start_is_nothing_to_worry_about(
    admin: Browser, due: dict[str, UUID], world: World
) -> None:
    assert "1 call of the last seven days was not recorded." in (await admin.get("/administration")).text
    assert 'class="bad"' in (await admin.get("/ledger")).text
    reason = "the user did not start a recording"
    world.store.write_now(
        lambda: LedgerLine.update(reason=reason).where(LedgerLine.outcome == "not_recorded").execute()
    )
    assert "was not recorded" not in (await admin.get("/administration")).text
    text = (await admin.get("/ledger")).text
    assert 'class="bad"' not in text
    assert "The user did not start a recording." in text


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("outcome=not_recorded", 1),
        ("outcome=open", 1),
        ("from=2026-11-22&to=2026-11-22", 4),
        ("to=2026-11-21", 0),
        ("outcome=recorded&from=2026-11-22", 1),
    ],
)
async def test_the_ledger_is_narrowed(admin: Browser, due: dict[str, UUID], query: str, lines: int) -> None:
    text = (await admin.get(f"/ledger?{query}")).text
    assert text.count('<span class="state outcome-') == lines
    assert ("No due call fits this" in text) == (lines == 0)


@pytest.mark.parametrize(
    "query",
    ["outcome=lost", "from=yesterday", "to=0000-00-00", "from=2026-11-22&to=2026-11-01", "to=9999-12-31"],
)
async def test_days_and_outcomes_that_cannot_be(admin: Browser, query: str) -> None:
    answer = await admin.get(f"/ledger?{query}")
    assert answer.status == 400
    assert "Choose days such as 2026-03-02" in answer.text
    assert (await admin.get("/ledger?cursor=none")).status == 400


async def test_an_auditor_reads_the_ledger_and_opens_no_recording(
    open_browser: NewBrowser, world: World, due: dict[str, UUID]
) -> None:
    acme = world.store.read_now(lambda: models.User.get_by_id(world.ids["anna"]).organisation_id)
    world.user("audrey", acme, role="auditor", mode="never")
    text = (await (await open_browser("audrey")).get("/ledger")).text
    assert "Anna Andersson" in text
    assert 'href="/recordings/' not in text
    assert (await (await open_browser("anna")).get("/ledger")).status == 403


async def test_the_ledger_goes_on_over_pages(admin: Browser, world: World) -> None:
    for number in range(51):
        made = world.recording(world.ids["anna"])

        def make(made: UUID = made, number: int = number) -> None:
            row = models.Recording.get_by_id(made)
            at = NOON - number * DAY
            LedgerLine.create(
                leg=row.leg_id, organisation=row.organisation_id, opened_at=at, outcome="recorded"
            )

        world.store.write_now(make)
    first = (await admin.get("/ledger")).text
    assert first.count("outcome-recorded") == 50
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older
    assert (await admin.get(older[1].replace("&amp;", "&"))).text.count("outcome-recorded") == 1


# tokens


def test_every_scope_of_a_program_is_said_in_words() -> None:
    assert set(SCOPES) == PROGRAM_RIGHTS


NEW = {"name": "CRM <i>", "of": "organisation", "lasting": "90", "scopes": "recordings:read"}


async def test_a_token_is_made_shown_once_used_and_revoked(admin: Browser, world: World) -> None:
    made = await send(admin, "/tokens/new", **NEW)
    assert made.status == 200
    secret = re.search(r'<code id="secret">(ari_[\w-]+)</code>', made.text)
    assert secret
    assert "CRM &lt;i&gt;" in made.text
    program = {"Authorization": f"Bearer {secret[1]}"}
    assert (await admin.another().get("/api/v1/recordings", headers=program)).status == 200
    listed = (await admin.get("/tokens")).text
    assert secret[1] not in listed
    assert secret[1][:8] in listed
    assert "See recordings" in listed
    token = world.store.read_now(lambda: Token.select().get())
    assert token.expires_at == NOON + timedelta(days=90)
    asked = (await admin.get(f"/tokens/{token.id}/revoke")).text
    assert "is turned away from now on" in asked
    assert (await admin.another().get("/api/v1/recordings", headers=program)).status == 200
    text = await told(admin, await send(admin, f"/tokens/{token.id}/revoke"))
    assert "CRM &lt;i&gt; was revoked" in text
    assert (await admin.another().get("/api/v1/recordings", headers=program)).status == 401


async def test_a_token_of_one_s_own_that_does_not_end(admin: Browser, world: World) -> None:
    assert (await send(admin, "/tokens/new", **{**NEW, "of": "person", "lasting": "never"})).status == 200
    token = world.store.read_now(lambda: Token.select().get())
    assert (token.user_id, token.expires_at) == (world.ids["admin-acme"], None)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": " "}, "Say what it is for"),
        ({"name": "x" * 101}, "Say what it is for"),
        ({"name": "a\u202eb"}, "Say what it is for"),
        ({"scopes": "organisations"}, "One of them is nothing that you may"),
        ({"scopes": "health:read"}, "One of them is nothing that you may"),
        ({"scopes": ""}, "One of them is nothing that you may"),
        ({"lasting": "99999"}, "Choose one"),
    ],
)
async def test_what_a_token_cannot_be_is_said_at_the_field(
    admin: Browser, world: World, changed: dict[str, str], said: str
) -> None:
    answer = await send(admin, "/tokens/new", **{**NEW, **changed})
    assert answer.status == 422
    assert said in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert world.store.read_now(Token.select().count) == 0


async def test_a_token_of_others_is_not_there(admin: Browser, open_browser: NewBrowser, world: World) -> None:
    await send(admin, "/tokens/new", **NEW)
    token = world.store.read_now(lambda: Token.select().get())
    other = await open_browser("admin-other")
    assert (await other.get(f"/tokens/{token.id}/revoke")).status == 404
    assert (await send(other, f"/tokens/{token.id}/revoke")).status == 404
    assert "CRM" not in (await other.get("/tokens")).text
    assert (await admin.get(f"/tokens/{uuid4()}/revoke")).status == 404


# sessions


async def test_an_administrator_signs_somebody_out(admin: Browser, world: World) -> None:
    anna = admin.another()
    await anna.sign_in("anna")
    await admin.another().sign_in("olle")
    text = (await admin.get("/sessions")).text
    assert "Anna Andersson" in text
    assert "Olle" not in text
    assert text.count("This one") == 1
    session = of(world, "anna")
    shown = await told(admin, await send(admin, f"/sessions/{session}/end"))
    assert "Anna Andersson was signed out in" in shown
    assert (await anna.get("/")).status == 303
    line = world.store.read_now(lambda: AuditLine.select().where(AuditLine.subject == str(session)).get())
    assert (line.action, line.actor_name) == ("sign_out", "admin-acme")
    assert "Anna Andersson" in line.detail


async def test_sessions_of_others_are_not_there(admin: Browser, world: World) -> None:
    olle = admin.another()
    await olle.sign_in("olle")
    assert (await send(admin, f"/sessions/{of(world, 'olle')}/end")).status == 404
    assert (await send(admin, f"/sessions/{uuid4()}/end")).status == 404
    assert (await send(admin, "/sessions/none/end")).status == 400
    assert (await olle.get("/")).status == 200
    assert (await olle.get("/sessions")).status == 403


def of(world: World, who: str) -> UUID:
    return UUID(str(world.store.read_now(lambda: Session.get(Session.user == world.ids[who]).id)))


# the operator's organisations

FORM = {
    "name": "Ny & Co", "timezone": "Europe/Stockholm", "language": "sv",
    "endpoints": "PJSIP/ny-*\r\nPJSIP/9??",
    "storage_mb": "100", "retention_days": "365",
}  # fmt: skip
FIRST = {"admin_name": "Ada", "admin_login": "ada", "admin_password": LONG}


async def test_an_operator_adds_and_changes_an_organisation(operator: Browser, world: World) -> None:
    text = await told(operator, await send(operator, "/organisations/new", **FORM, **FIRST))
    assert "Ny &amp; Co was added" in text
    made = world.store.read_now(lambda: Organisation.get(Organisation.name == "Ny & Co"))
    assert (made.storage_mb, made.retention_days, made.endpoints) == (100, 365, "PJSIP/ny-* PJSIP/9??")
    assert (await operator.another().sign_in("ada", LONG)).status == 303
    changed = await send(operator, f"/organisations/{made.id}", **{**FORM, "storage_mb": "30"})
    assert "Ny &amp; Co was saved" in await told(operator, changed)
    line = world.store.read_now(
        lambda: (
            AuditLine.select()
            .where((AuditLine.organisation == made.id) & (AuditLine.action == "change"))
            .get()
        )
    )
    assert '"storage_mb": 30' in line.detail


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": ""}, "Write the organisation"),
        ({"name": "Acme"}, "There is an organisation &#39;Acme&#39; already"),
        ({"timezone": "Mars"}, "is no time zone"),
        ({"storage_mb": "many"}, "A whole number, such as 30."),
        ({"retention_days": "0"}, "a whole number from 1 to 36500"),
        ({"endpoints": "*"}, "endpoints"),
        ({"admin_login": "anna"}, "admin_login"),
        ({"admin_password": "short"}, "too short"),
    ],
)
async def test_what_an_organisation_cannot_be_is_said_at_the_field(
    operator: Browser, world: World, changed: dict[str, str], said: str
) -> None:
    answer = await send(operator, "/organisations/new", **{**FORM, **FIRST, **changed})
    assert answer.status == 422
    assert said in answer.text
    (field,) = changed
    assert re.search(rf'id="organisation-{field}"[^>]*aria-invalid="true"', answer.text)
    assert world.store.read_now(Organisation.select().where(Organisation.name == "Ny & Co").count) == 0


async def test_what_is_changed_wrongly_is_shown_again(operator: Browser, world: World) -> None:
    acme = world.store.read_now(lambda: Organisation.get(Organisation.name == "Acme").id)
    answer = await send(operator, f"/organisations/{acme}", **{**FORM, "timezone": "Mars/Olympus"})
    assert answer.status == 422
    assert 'value="Mars/Olympus"' in answer.text
    assert (await operator.get(f"/organisations/{uuid4()}")).status == 404
    assert (await send(operator, f"/organisations/{uuid4()}", **FORM)).status == 404
    assert (await operator.get("/organisations?month=2027-01")).status == 422
    assert (await operator.get("/organisations?cursor=x")).status == 422


# the audit log's words


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ({"after": {"name": "CRM", "endpoints": [], "mode": None}}, ["Name: CRM"]),
        ({"before": {"name": "CRM"}}, ["Name: CRM"]),
        ({"before": {"name": "CRM"}, "after": {"name": "ERP"}}, ["Name: CRM → ERP"]),
        ({"before": {"name": "CRM"}, "after": {"name": ""}}, ["Name: CRM → –"]),
    ],
)
def test_what_was_added_has_no_before(detail: dict[str, object], said: list[str]) -> None:
    row = AuditRow(1, NOON, "user", "1", "admin", "", "create", "token", "1", detail, "", "")
    assert audit_words.details(Words(language("en"), UTC), row) == said
