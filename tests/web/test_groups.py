"""Groups by the API, and what a supervisor hears of them, from their next request on."""

from __future__ import annotations

from uuid import uuid4

import pytest

from .settings import Client
from .world import NewBrowser, World


@pytest.fixture
async def admin(open_browser: NewBrowser) -> Client:
    return await Client.of(await open_browser("admin-acme"))


@pytest.fixture
def maria(world: World) -> str:
    """A supervisor of Acme, who has no number."""
    from ari_recorder.store.models import User

    acme = world.store.read_now(lambda: User.get_by_id(world.ids["anna"]).organisation_id)
    return str(world.user("maria", acme, role="supervisor", mode="never"))


async def test_a_group_from_beginning_to_end(admin: Client, world: World, maria: str) -> None:
    anna, bo = world.ids["anna"], world.ids["bo"]
    made = await admin.made("/groups", {"name": "Sales"})
    path = f"/groups/{made['id']}"
    both = (await admin("POST", f"{path}/members", {"users": [str(anna), str(bo), str(anna)]})).json()
    assert [one["number"] for one in both["members"]] == ["101", "102"]
    assert (await admin("PUT", f"{path}/members/{anna}")).json() == both, "who is in it stays"
    set_up = await admin("PUT", f"{path}/supervisors/{maria}", {"may_annotate": False})
    expected = [{"user": maria, "name": "Maria", "may_listen": True, "may_annotate": False}]
    assert set_up.json()["supervisors"] == expected
    as_at_first = await admin("PUT", f"{path}/supervisors/{maria}")
    assert as_at_first.json()["supervisors"] == [expected[0] | {"may_annotate": True}], (
        "nothing sent is no fields"
    )
    refused = await admin("POST", "/groups")
    assert (refused.status, refused.json()["detail"]) == (400, "name: this field is missing.")
    assert (await admin.get("/groups"))["groups"] == [
        {"id": made["id"], "name": "Sales", "members": 2, "supervisors": 1}
    ]
    assert (await admin("PATCH", path, {"name": "Sales north"})).json()["name"] == "Sales north"
    assert (await admin("DELETE", f"{path}/members/{anna}")).status == 200
    assert (await admin("DELETE", f"{path}/members/{anna}")).status == 404
    assert (await admin("DELETE", path)).status == 204
    assert (await admin.get("/groups"))["groups"] == []


async def test_a_supervisor_has_the_recordings_of_their_groups_and_no_others(
    admin: Client, world: World, maria: str, open_browser: NewBrowser
) -> None:
    anna, bo = world.ids["anna"], world.ids["bo"]
    of_anna, of_bo = world.recording(anna), world.recording(bo)
    browser = await open_browser("maria")
    supervisor = await Client.of(browser)
    sales = (await admin.made("/groups", {"name": "Sales"}))["id"]
    support = (await admin.made("/groups", {"name": "Support"}))["id"]
    await admin("PUT", f"/groups/{sales}/members/{anna}")
    await admin("PUT", f"/groups/{support}/members/{bo}")

    async def heard() -> list[int]:
        return [(await browser.get(f"/api/v1/recordings/{of}/audio")).status for of in (of_anna, of_bo)]

    assert await heard() == [404, 404]
    await admin("PUT", f"/groups/{sales}/supervisors/{maria}", {})
    assert await heard() == [200, 404]
    assert [group["name"] for group in (await supervisor.get("/groups"))["groups"]] == ["Sales"]
    assert (await supervisor("GET", f"/groups/{support}")).status == 404
    await admin("PUT", f"/groups/{sales}/supervisors/{maria}", {"may_listen": False})
    assert await heard() == [404, 404]
    assert (await browser.get(f"/api/v1/recordings/{of_anna}")).status == 200
    await admin("DELETE", f"/groups/{sales}/supervisors/{maria}")
    assert (await browser.get(f"/api/v1/recordings/{of_anna}")).status == 404
    for method, path in [("POST", "/groups"), ("PATCH", f"/groups/{sales}")]:
        assert (await supervisor(method, path, {"name": "Mine"})).status == 403
    assert (await supervisor("PUT", f"/groups/{sales}/supervisors/{maria}", {})).status == 403


async def test_only_supervisors_supervise(admin: Client, world: World, maria: str) -> None:
    sales = (await admin.made("/groups", {"name": "Sales"}))["id"]
    refused = await admin("PUT", f"/groups/{sales}/supervisors/{world.ids['bo']}", {})
    assert refused.status == 409
    assert refused.json()["detail"] == (
        "role: Bo has the role user: give them the role supervisor (or administrator) first."
    )
    assert (await admin("PUT", f"/groups/{sales}/supervisors/{world.ids['admin-acme']}", {})).status == 200
    await admin("PUT", f"/groups/{sales}/supervisors/{maria}", {})
    await admin("PATCH", f"/users/{maria}", {"role": "user"})
    await admin("PATCH", f"/users/{maria}", {"role": "supervisor"})
    left = [one["name"] for one in (await admin.get(f"/groups/{sales}"))["supervisors"]]
    assert left == ["Admin-Acme"], "who was none meanwhile does not come back unasked"


@pytest.mark.parametrize("name", ["", " ", "a|b", "x" * 201, "a\nb", "a\u2066b"])
async def test_names_that_cannot_be(admin: Client, name: str) -> None:
    answer = await admin("POST", "/groups", {"name": name})
    assert (answer.status, answer.json()["field"]) == (422, "name")


async def test_a_name_is_taken_once_in_an_organisation(admin: Client, open_browser: NewBrowser) -> None:
    await admin.made("/groups", {"name": "Sales"})
    support = await admin.made("/groups", {"name": "Support"})
    assert (await admin("POST", "/groups", {"name": "Sales"})).status == 409
    assert (await admin("PATCH", f"/groups/{support['id']}", {"name": "Sales"})).status == 409
    other = await Client.of(await open_browser("admin-other"))
    await other.made("/groups", {"name": "Sales"})


async def test_what_is_of_another_organisation_is_not_there(
    admin: Client, world: World, open_browser: NewBrowser
) -> None:
    other = await Client.of(await open_browser("admin-other"))
    theirs = (await other.made("/groups", {"name": "Theirs"}))["id"]
    ours = (await admin.made("/groups", {"name": "Ours"}))["id"]
    olle, anna = world.ids["olle"], world.ids["anna"]
    for group in (theirs, uuid4()):
        for method, path, body in [
            ("GET", "", None),
            ("PATCH", "", {"name": "Mine"}),
            ("DELETE", "", None),
            ("POST", "/members", {"users": [str(anna)]}),
            ("PUT", f"/members/{anna}", None),
            ("DELETE", f"/members/{anna}", None),
            ("PUT", f"/supervisors/{anna}", {}),
            ("DELETE", f"/supervisors/{anna}", None),
        ]:
            assert (await admin(method, f"/groups/{group}{path}", body)).status == 404, (method, path)
    for method, path, body in [
        ("POST", "members", {"users": [str(anna), str(olle)]}),
        ("PUT", f"members/{olle}", None),
        ("PUT", f"supervisors/{olle}", {}),
        ("PUT", f"members/{uuid4()}", None),
    ]:
        assert (await admin(method, f"/groups/{ours}/{path}", body)).status == 404, path
    assert (await admin.get(f"/groups/{ours}"))["members"] == [], "all of them or none"
    assert (await admin("GET", f"/users?group={theirs}")).json()["users"] == []


async def test_an_id_that_is_none_and_a_body_that_is_not_right(admin: Client) -> None:
    sales = (await admin.made("/groups", {"name": "Sales"}))["id"]
    assert (await admin("GET", "/groups/1")).status == 400
    assert (await admin("PUT", f"/groups/{sales}/members/1")).status == 400
    for body in ({}, {"users": []}, {"users": ["1"]}, {"users": [], "more": 1}, [], {"users": None}):
        assert (await admin("POST", f"/groups/{sales}/members", body)).status == 400, body


async def test_who_may_not_listen_is_offered_no_player(
    admin: Client, maria: str, world: World, open_browser: NewBrowser
) -> None:
    page = f"/recordings/{world.recording(world.ids['anna'])}"
    sales = (await admin.made("/groups", {"name": "Sales"}))["id"]
    await admin("PUT", f"/groups/{sales}/members/{world.ids['anna']}")
    supervisor, offered = await open_browser("maria"), []
    for may_listen in (True, False):
        await admin("PUT", f"/groups/{sales}/supervisors/{maria}", {"may_listen": may_listen})
        text = (await supervisor.get(page)).text
        offered.append(("<audio" in text, "?download=1" in text, "but may not listen" in text))
    assert offered == [(True, True, False), (False, False, True)]
