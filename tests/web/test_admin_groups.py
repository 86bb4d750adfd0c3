"""Pages of groups: added, renamed, removed; members and supervisors in and out, with undo."""

from __future__ import annotations

import pytest

from ari_recorder.store.models import Endpoint, Group, Membership, Supervision, User

from .forms import follow, form, said, send, send_from, undo
from .settings import Client
from .world import ABSENT, Browser, NewBrowser, World, only


@pytest.fixture
async def admin(open_browser: NewBrowser) -> Browser:
    return await open_browser("admin-acme")


@pytest.fixture
async def sales(admin: Browser) -> str:
    """The address of a group."""
    answer = await send(admin, "/groups", "/groups", name=" Sales ")
    shown = await follow(admin, answer)
    assert "The group Sales was added." in shown
    return answer.headers["Location"].partition("?")[0]


def members(world: World) -> set[str]:
    rows = world.store.read_now(lambda: list(Membership.select(Membership, User).join(User)))
    return {row.user.name for row in rows}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "It is empty; write 1 to 200 characters."),
        ("a|b", "which stands between groups in CSV files"),
        ("Sales", "There is a group 'Sales' already."),
        ("x" * 201, "201 characters"),
        ("A\u0007", "cannot be seen"),
    ],
)
@pytest.mark.usefixtures("sales")
async def test_a_name_that_cannot_be(admin: Browser, world: World, name: str, why: str) -> None:
    refused = await send(admin, "/groups", "/groups", name=name)
    assert (refused.status, why in said(refused.text)) == (422, True), said(refused.text)
    assert world.store.read_now(lambda: Group.select().count()) == 1


async def test_renamed_and_undone(admin: Browser, sales: str) -> None:
    opened = (await admin.get(sales)).text
    shown = await follow(admin, await send_from(admin, opened, f"{sales}/name", name="Support"))
    assert "The group is called Support now." in shown
    assert "is called Sales now" in await follow(admin, await undo(admin, shown))
    await follow(admin, await send(admin, sales, f"{sales}/name", name="Claims"))
    stale = await send_from(admin, opened, f"{sales}/name", name="Mine")
    assert stale.status == 412
    assert "It is now: Claims" in said(stale.text)


async def test_members_are_picked_and_taken_out(admin: Browser, sales: str, world: World) -> None:
    opened = (await admin.get(f"{sales}?q=an")).text
    assert "Anna Andersson" in opened
    assert ">Bo<" not in opened
    everybody = (await admin.get(sales)).text
    ids = [str(world.ids[login]) for login in ("anna", "bo")]
    put_in = await follow(admin, await send_from(admin, everybody, f"{sales}/members", user=ids))
    assert "In Sales now: Anna Andersson, Bo." in put_in
    assert members(world) == {"Anna Andersson", "Bo"}
    taken = await follow(admin, await undo(admin, put_in))
    assert "Not in Sales any more: Anna Andersson, Bo." in taken
    assert members(world) == set()
    assert "In Sales now" in await follow(admin, await undo(admin, taken))
    assert members(world) == {"Anna Andersson", "Bo"}
    again = await send_from(admin, everybody, f"{sales}/members", user=ids)
    assert "That was so already" in await follow(admin, again)


async def test_who_is_never_recorded_is_not_offered(admin: Browser, sales: str, world: World) -> None:
    acme = world.store.read_now(User.get_by_id, world.ids["anna"]).organisation_id
    for login, role in (("otto", "operator"), ("audra", "auditor"), ("aude", "auditor")):
        world.user(login, acme, role=role, mode="never")
    world.store.write_now(lambda: Endpoint.create(user=world.ids["aude"], pbx="main", name="PJSIP/103"))
    for address in (sales, f"{sales}?q=au", f"{sales}?q=ot"):
        shown = (await admin.get(address)).text
        assert "<bdi>Otto</bdi>" not in shown
        assert "<bdi>Audra</bdi>" not in shown
        assert ("<bdi>Aude</bdi>" in shown) == ("ot" not in address)


@pytest.mark.parametrize("users", [None, "x", str(ABSENT)])
async def test_members_that_cannot_be(admin: Browser, sales: str, world: World, users: str | None) -> None:
    refused = await send(admin, sales, f"{sales}/members", user=users)
    assert refused.status == 422
    assert said(refused.text)
    assert members(world) == set()


async def test_another_organisation_s_user_is_not_put_in(admin: Browser, sales: str, world: World) -> None:
    refused = await send(admin, sales, f"{sales}/members", user=str(world.ids["olle"]))
    assert "There is no such user here" in said(refused.text)
    assert "Olle" not in refused.text


async def test_a_supervisor_and_what_they_may(admin: Browser, sales: str, world: World) -> None:
    bo = str(world.ids["bo"])
    assert (
        "Bo" not in (await admin.get(sales)).text.partition('id="supervisors"')[2].partition("</section>")[0]
    )
    refused = await send(admin, sales, f"{sales}/supervisors", user=bo)
    assert refused.status == 422
    assert "role" in said(refused.text)
    world.change(User, world.ids["bo"], role="supervisor")
    made = await follow(admin, await send(admin, sales, f"{sales}/supervisors", user=bo, may_annotate=None))
    assert "Bo supervises Sales" in made
    row = world.store.read_now(lambda: only(Supervision))
    assert (row.may_listen, row.may_annotate) == (True, False)
    changed = await follow(admin, await send_from(admin, made, f"{sales}/supervisors", may_listen=None))
    assert world.store.read_now(lambda: only(Supervision).may_listen) is False
    await undo(admin, changed)
    assert world.store.read_now(lambda: only(Supervision).may_listen) is True
    gone = await follow(admin, await send_from(admin, made, f"{sales}/supervisors/remove"))
    assert "Bo does not supervise Sales any more" in gone
    await undo(admin, gone)
    row = world.store.read_now(lambda: only(Supervision))
    assert (row.may_listen, row.may_annotate) == (True, False), "as they were"


async def test_removing_names_what_is_lost(admin: Browser, sales: str, world: World) -> None:
    world.change(User, world.ids["bo"], role="supervisor")
    api = await Client.of(admin)
    await api("PUT", f"{sales}/supervisors/{world.ids['bo']}", {})
    asked = (await admin.get(f"{sales}/remove")).text
    assert "The access of Bo to their recordings" in asked
    await api("PUT", f"{sales}/members/{world.ids['anna']}")
    stale = await send_from(admin, asked, f"{sales}/remove")
    assert stale.status == 412
    assert "The group of 1 member" in stale.text
    gone = await follow(admin, await send_from(admin, stale.text, f"{sales}/remove"))
    assert "The group Sales was removed" in gone
    assert (await admin.get(sales)).status == 404
    assert form(gone, "/groups")


async def test_another_organisation_s_group(open_browser: NewBrowser, sales: str) -> None:
    other = await open_browser("admin-other")
    token = await other.form_token("/groups")
    assert (await other.get(sales)).status == 404
    for path in ("name", "members", "members/remove", "supervisors", "supervisors/remove", "remove"):
        assert (await other.post(f"{sales}/{path}", {"form_token": token, "name": "Mine"})).status == 404
