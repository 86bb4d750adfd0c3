"""Removing recordings, for how long they are kept, and the log of those that are gone: pages and API."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from ari_recorder.policies.retention import Rule
from ari_recorder.store import disposal, holds, models, people, retention
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.disposal import Why

from .forms import follow, form, said, send, send_from, undo
from .settings import Client
from .world import NOON, Browser, NewBrowser, World

DAY = timedelta(days=1)
BY = Actor(ActorKind.COMMAND_LINE, "test", "test")


@pytest.fixture
async def admin(open_browser: NewBrowser) -> Browser:
    return await open_browser("admin-acme")


@pytest.fixture
def recording(world: World) -> UUID:
    return world.recording(world.ids["anna"], note="Call back", counterpart_name="Eva")


def removed(world: World, *recordings: UUID, rule: Rule = Rule.RETENTION, detail: object = None) -> None:
    """They are gone, by a rule."""
    world.store.write_now(models.Segment.update(cleared=True).execute)
    why = Why(rule, detail or {"days": 180})  # type: ignore[arg-type]
    disposal.dispose(world.store, world.safe, recordings, why, NOON)


# Removing one


async def test_a_recording_is_removed_after_it_was_said_what_goes(
    admin: Browser, world: World, recording: UUID
) -> None:
    page = f"/recordings/{recording}"
    assert f'href="{page}/remove"' in (await admin.get(page)).text
    asked = (await admin.get(f"{page}/remove")).text
    for words in ("Anna Andersson", "Eva", "Its note, mark and fields", "cannot be undone", "disposal log"):
        assert words in asked
    shown = await follow(admin, await send_from(admin, asked, f"{page}/remove"))
    assert "The recording was removed" in said(shown)
    again = await follow(admin, await send_from(admin, asked, f"{page}/remove"))
    assert "removed already" in said(again)
    assert str(recording) not in (await admin.get("/?all=1")).text
    assert (await admin.get(page)).status == 404
    assert (await admin.get(f"/api/v1{page}/audio")).status == 404
    row = world.store.read_now(models.Recording.get_by_id, recording)
    assert (row.state, row.wrapped_key) == ("disposing", None)
    line = world.store.read_now(models.AuditLine.get, models.AuditLine.action == "remove")
    assert (line.subject, line.actor_name) == (str(recording), "admin-acme")


async def test_it_is_removed_by_the_api(admin: Browser, world: World, recording: UUID) -> None:
    api = await Client.of(admin)
    path = f"/recordings/{recording}"
    stale = await api("DELETE", path, None, {"If-Match": '"old"'})
    assert stale.status == 412
    assert (await api("DELETE", path)).status == 204
    assert (await api("DELETE", path)).status == 404
    assert world.store.read_now(disposal.left).count == 1


@pytest.mark.parametrize("login", ["anna", "admin-other"])
async def test_who_may_not_does_not(
    open_browser: NewBrowser, world: World, recording: UUID, login: str
) -> None:
    other = await open_browser(login)
    status = 403 if login == "anna" else 404
    assert (await other.get(f"/recordings/{recording}/remove")).status == status
    if login == "anna":
        assert "/remove" not in (await other.get(f"/recordings/{recording}")).text
    assert (await (await Client.of(other))("DELETE", f"/recordings/{recording}")).status == status
    assert world.store.read_now(models.Recording.get_by_id, recording).state == "stored"


async def test_who_cannot_remove_one_is_led_to_the_hold_that_keeps_it(
    admin: Browser, world: World, recording: UUID
) -> None:
    api = await Client.of(admin)
    hold = await api.made("/holds", {"recording": str(recording), "reason": "Case <b>T 4711</b>"})
    shown = (await admin.get(f"/recordings/{recording}/remove")).text
    assert "This recording cannot be removed now" in shown
    assert f'<a href="/holds/{hold["id"]}"><bdi>Case &lt;b&gt;T 4711' in shown


async def test_one_that_is_held_or_not_ready_stays(
    admin: Browser, world: World, recording: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = await Client.of(admin)
    going_on = world.recording(world.ids["anna"], stored=False)
    assert (await api("DELETE", f"/recordings/{going_on}")).status == 409
    page = f"/recordings/{recording}/remove"
    asked = (await admin.get(page)).text
    monkeypatch.setattr(holds, "held", lambda ids: {recording} & set(ids))
    assert (await api("DELETE", f"/recordings/{recording}")).status == 409
    shown = (await admin.get(page)).text
    assert "legal hold" in said(shown)
    refused = await send_from(admin, asked, page)
    assert refused.status == 409
    assert "legal hold" in said(refused.text)
    for text in (shown, refused.text):
        assert "This recording cannot be removed now" in text
        assert "Remove the recording" not in text
        assert "What goes" not in text
    assert world.store.read_now(models.Recording.get_by_id, recording).state == "stored"


async def test_what_was_changed_meanwhile_is_asked_again(
    admin: Browser, world: World, recording: UUID
) -> None:
    page = f"/recordings/{recording}/remove"
    opened = (await admin.get(page)).text
    world.change(models.Recording, recording, note="Important")
    again = await send_from(admin, opened, page)
    assert again.status == 412
    assert "changed meanwhile" in said(again.text)
    assert world.store.read_now(models.Recording.get_by_id, recording).state == "stored"


# For how long


@pytest.fixture
def old(world: World) -> list[UUID]:
    """Recordings of Anna, a hundred days and more old; what holds is settled."""
    made = [world.recording(world.ids["anna"], started_at=NOON - (100 + n) * DAY) for n in range(3)]
    world.store.write_now(retention.settle, organisation(world), NOON)
    return made


def organisation(world: World) -> UUID:
    return world.store.read_now(models.User.get_by_id, world.ids["anna"]).organisation_id  # type: ignore[no-any-return]


@pytest.mark.usefixtures("old")
async def test_fewer_days_are_confirmed_and_can_be_taken_back(admin: Browser, world: World) -> None:
    asked = await send(admin, "/organisation", "/organisation/retention", retention_days="90")
    assert asked.status == 200
    assert "6 Dec 2026 on: 3 recordings that are older than 90 days" in " ".join(asked.text.split())
    assert world.store.read_now(retention.days_of, organisation(world)) == 180
    shown = await follow(admin, await send_from(admin, asked.text, "/organisation/retention"))
    assert "3 recordings that are older than 90 days then are removed" in shown
    assert "3 are removed then" in (await admin.get("/administration")).text
    assert (await (await Client.of(admin)).get("/retention"))["coming"] == [
        {"at": "2026-12-06T12:00:00.000Z", "users": 1, "recordings": 3, "days": 90}
    ]
    back = await follow(admin, await undo(admin, shown))
    assert "older than" not in back
    assert world.store.read_now(retention.days_of, organisation(world)) == 180


async def test_a_single_day_is_said_to_be_one(admin: Browser, world: World) -> None:
    removed(world, world.recording(world.ids["anna"]), detail={"days": 1})
    world.recording(world.ids["anna"], started_at=NOON - 30 * DAY)
    await admin.get("/disposals?lang=sv")
    assert "1 dag, som organisationen säger" in (await admin.get("/disposals")).text
    asked = await send(admin, "/organisation", "/organisation/retention", retention_days="1")
    assert "Spara inspelningar i bara 1 dag?" in asked.text
    shown = await follow(admin, await send_from(admin, asked.text, "/organisation/retention"))
    assert "inspelningar sparas i 1 dag." in said(shown)
    month = (await admin.get("/usage")).text
    assert "sparas i 1 dag." in month


async def test_more_days_are_the_providers_to_set(admin: Browser, world: World) -> None:
    refused = await send(admin, "/organisation", "/organisation/retention", retention_days="365")
    assert refused.status == 422
    assert "at most 180 days" in said(refused.text).lower() or "At most 180 days" in said(refused.text)
    api = await Client.of(admin)
    assert (await api("PATCH", "/organisation", {"retention_days": 365})).status == 422
    assert (await api("PATCH", "/organisation", {"retention_days": 100})).status == 200
    assert world.store.read_now(retention.days_of, organisation(world)) == 100


@pytest.mark.parametrize("typed", ["", "x", "-1", "0", "1.5", "٣", "9999999"])
async def test_days_that_cannot_be(admin: Browser, world: World, typed: str) -> None:
    refused = await send(admin, "/organisation", "/organisation/retention", retention_days=typed)
    assert refused.status == 422
    assert world.store.read_now(retention.days_of, organisation(world)) == 180


@pytest.mark.usefixtures("old")
async def test_days_that_cannot_be_are_refused_before_anything_is_asked(admin: Browser, world: World) -> None:
    of = organisation(world)
    group = world.store.write_now(people.add_group, of, "Sales", actor=BY, now=NOON)
    world.store.write_now(people.add_members, of, group.id, [world.ids["anna"]], actor=BY, now=NOON)
    for page in ("/organisation", f"/groups/{group.id}"):
        refused = await send(admin, page, f"{page}/retention", retention_days="0")
        assert refused.status == 422
        assert "days only?" not in refused.text


@pytest.mark.usefixtures("old")
async def test_a_group_has_days_of_its_own(admin: Browser, world: World) -> None:
    of = organisation(world)
    group = world.store.write_now(people.add_group, of, "Sales", actor=BY, now=NOON)
    world.store.write_now(people.add_members, of, group.id, [world.ids["anna"]], actor=BY, now=NOON)
    page = f"/groups/{group.id}"
    asked = await send(admin, page, f"{page}/retention", retention_days="60")
    assert "3 recordings that are older than 60 days" in asked.text
    shown = await follow(admin, await send_from(admin, asked.text, f"{page}/retention"))
    assert form(shown, f"{page}/retention").values("retention_days") == ["60"]
    (told,) = world.store.read_now(retention.coming, of, NOON)
    assert told.recordings == 3
    await undo(admin, shown)
    assert world.store.read_now(retention.coming, of, NOON) == []
    api = await Client.of(admin)
    changed = await api("PATCH", f"/groups/{group.id}", {"retention_days": 30})
    assert changed.json()["retention_days"] == 30
    changed = await api("PATCH", f"/groups/{group.id}", {"retention_days": None})
    assert changed.json()["retention_days"] is None


async def test_what_was_changed_meanwhile_is_not_undone(admin: Browser, world: World) -> None:
    opened = (await admin.get("/organisation")).text
    values = {"retention_days": 120}
    world.store.write_now(people.change_organisation, organisation(world), values, actor=BY, now=NOON)
    refused = await send_from(admin, opened, "/organisation/retention", retention_days="100")
    assert refused.status == 412


# The log


async def test_the_log_says_which_when_and_why(admin: Browser, world: World) -> None:
    of = organisation(world)
    group = world.store.write_now(people.add_group, of, "Sales", actor=BY, now=NOON)
    anna = world.ids["anna"]
    assert "No recording is gone yet" in (await admin.get("/disposals")).text
    one, two, three = (world.recording(anna) for _ in range(3))
    removed(world, one)
    removed(world, two, detail={"days": 30, "group": str(group.id)})
    api = await Client.of(admin)
    assert (await api("DELETE", f"/recordings/{three}")).status == 204
    assert "is being removed" in (await admin.get("/disposals")).text
    shown = " ".join((await admin.get("/disposals")).text.split())
    assert "180 days, as the organisation says" in shown
    assert "30 days, as the group Sales says" in shown
    assert str(one) in shown
    assert "Anna" not in shown.partition("<tbody")[2]
    world.store.write_now(models.Segment.update(cleared=True).execute)
    world.store.write_now(disposal.complete, [three], NOON)
    found = (await api.get("/disposals"))["disposals"]
    assert found[0]["recording"] == str(three)
    assert {line["by"] for line in found} == {"", "Admin-Acme"}
    assert {line["rule"] for line in found} == {"retention", "request"}


async def test_the_log_by_days_and_pages_and_as_a_file(admin: Browser, world: World) -> None:
    ids = [world.recording(world.ids["anna"]) for _ in range(3)]
    removed(world, *ids)
    assert "3 recordings" in (await admin.get("/disposals?from=2026-11-22&to=2026-11-22")).text
    assert "No recording went on these days" in (await admin.get("/disposals?to=2026-11-21")).text
    for query in ("from=x", "from=2026-11-22&to=2026-11-01", "cursor=x", "unknown=1"):
        assert (await admin.get(f"/disposals?{query}")).status == 400, query
    api = await Client.of(admin)
    first = await api.get("/disposals?limit=2")
    rest = await api.get(f"/disposals?limit=2&cursor={first['next_cursor']}")
    got = [line["recording"] for line in (*first["disposals"], *rest["disposals"])]
    assert set(got) == {str(one) for one in ids}
    text = (await admin.get("/api/v1/disposals.csv")).text
    assert len(text.splitlines()) == 4
    assert (await admin.get("/api/v1/disposals?cursor=x")).status == 422


async def test_the_log_of_others_is_theirs(open_browser: NewBrowser, world: World) -> None:
    removed(world, world.recording(world.ids["anna"]))
    other = await open_browser("admin-other")
    assert "No recording is gone yet" in (await other.get("/disposals")).text
    assert (await other.get("/api/v1/disposals")).json()["disposals"] == []
    assert (await (await open_browser("anna")).get("/disposals")).status == 403


# The overview


async def test_the_overview_warns_of_storage(admin: Browser, world: World) -> None:
    assert "included" in (await admin.get("/administration")).text
    now = NOON - DAY
    values = {"plan": "basic", "mode": "never"}
    world.store.write_now(
        people.change_user, organisation(world), world.ids["anna"], values, actor=BY, now=now
    )
    world.store.write_now(
        people.change_user, organisation(world), world.ids["anna"], {"mode": "always"}, actor=BY, now=now
    )
    made = world.recording(world.ids["anna"])
    world.change(models.Recording, made, size_bytes=25_000_000)
    assert "More than 80 %" in (await admin.get("/administration")).text
    world.change(models.Recording, made, size_bytes=31_000_000)
    assert "All of the included storage is used" in (await admin.get("/administration")).text


async def test_what_is_in_the_way_is_told(admin: Browser, world: World) -> None:
    recent, long_ago = world.recording(world.ids["anna"]), world.recording(world.ids["anna"])
    why = Why(Rule.RETENTION, {"days": 180})
    world.store.write_now(disposal.begin, [recent, uuid4()], why, NOON)
    assert "should be gone" not in (await admin.get("/administration")).text
    world.store.write_now(disposal.begin, [long_ago], why, NOON - timedelta(hours=2))
    assert "2 recordings should be gone" in (await admin.get("/administration")).text
    world.store.write_now(retention.look_at_clock, NOON, None)
    world.store.write_now(retention.look_at_clock, NOON + DAY, None)
    assert "The clock is not known to be right" in (await admin.get("/administration")).text
