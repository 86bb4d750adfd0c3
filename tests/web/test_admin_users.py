"""Pages of users: found, added, changed and removed by forms; what is wrong is said at its field."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from ari_recorder.store.models import Activation, AuditLine, Endpoint, Membership, User
from ari_recorder.web import Part

from .forms import follow, form, said, send, send_from, undo
from .settings import Client
from .test_hostile import SCRIPT
from .world import NOON, Browser, NewBrowser, World, only

TOLD = {"acknowledged": "yes", "acknowledgement": "Told on paper.", "acknowledgement__by": "Karin"}


@pytest.fixture
async def admin(open_browser: NewBrowser) -> Browser:
    return await open_browser("admin-acme")


def row(world: World, login: str) -> User:
    found: User = world.store.read_now(lambda: User.get_by_id(world.ids[login]))
    return found


def page_of(world: World, login: str = "anna") -> str:
    return f"/users/{world.ids[login]}"


async def test_the_list_is_searched(admin: Browser) -> None:
    everybody = (await admin.get("/users")).text
    assert "Anna Andersson" in everybody
    assert "Olle" not in everybody, "of another organisation"
    assert "<bdi>Bo</bdi>" not in (await admin.get("/users?q=andersson")).text
    assert "Anna" in (await admin.get("/users?q=101")).text
    assert "Anna" in (await admin.get("/users?which=without_telephone&mode=always")).text
    assert "Nobody fits this" in (await admin.get("/users?q=nobody&which=recorded")).text
    assert "Anna" not in (await admin.get("/users?which=not_recorded")).text


@pytest.mark.parametrize("q", ["ake", "ÅKE", "öBERG", "oberg", "ke  ob"])
async def test_names_are_found_in_any_writing(admin: Browser, world: World, q: str) -> None:
    world.change(User, world.ids["bo"], name="Åke Öberg")
    found = (await admin.get("/users", params={"q": q})).text
    assert "Åke Öberg" in found
    assert "Anna" not in found
    api = await Client.of(admin)
    assert [user["name"] for user in (await api.get(f"/users?q={q}"))["users"]] == ["Åke Öberg"]


@pytest.mark.parametrize(
    "query", ["mode=x", "which=x", "group=x", "cursor=x", "q=%00", "q=" + "x" * 201, "unknown=1", "q=1&q=2"]
)
async def test_an_address_that_nobody_was_given(admin: Browser, query: str) -> None:
    assert (await admin.get(f"/users?{query}")).status in (400, 422)


async def test_the_list_has_pages(admin: Browser, world: World) -> None:
    acme = row(world, "anna").organisation_id
    world.store.write_now(
        lambda: User.insert_many(
            [{"organisation": acme, "name": f"User {n}", "number": str(1000 + n)} for n in range(60)]
        ).execute()
    )
    first = (await admin.get("/users?q=User")).text
    assert '<span class="h-sub">60</span>' in first
    assert first.count("<tr role") == 1 + 50
    following = first[first.index('rel="next"') - 500 :].partition('class="button" rel="next" href="')[2]
    second = (await admin.get(following.partition('"')[0].replace("&amp;", "&"))).text
    assert second.count("<tr role") == 1 + 10


async def test_somebody_is_added_and_recorded(admin: Browser, world: World) -> None:
    added = await send(
        admin, "/users/add", "/users/add", name=" Åke Öberg ", number="+46701",
        endpoints="PJSIP/301\r\nPJSIP/302", mode="always_pause_resume", plan="pro", may_listen=None, **TOLD,
    )  # fmt: skip
    shown = await follow(admin, added)
    assert (
        "Åke Öberg was added, and is recorded from the next call on, once Asterisk knows the telephone."
        in shown
    )
    assert "PJSIP/301\nPJSIP/302" in shown
    made = world.store.read_now(lambda: User.get(User.number == "+46701"))
    assert (made.name, made.mode, made.plan, made.may_listen) == (
        "Åke Öberg",
        "always_pause_resume",
        "pro",
        False,
    )
    begun = world.store.read_now(lambda: Activation.get(Activation.user == made))
    assert (begun.acknowledgement, begun.acknowledged_by, begun.start_fee) == (
        "Told on paper.",
        "Karin",
        True,
    )
    assert begun.began_by == "admin-acme"


async def test_who_is_not_recorded_needs_no_acknowledgement(admin: Browser, world: World) -> None:
    added = await send(
        admin, "/users/add", "/users/add", name="Eva", login="eva", password="seven quiet lanterns",
        acknowledgement="", another="yes",
    )  # fmt: skip
    shown = await follow(admin, added)
    assert "Eva was added, and is not recorded." in shown
    assert form(shown, "/users/add").values("name") == [""], "and the form for the next"
    assert (await admin.another().sign_in("eva", "seven quiet lanterns")).status == 303
    assert world.store.read_now(lambda: Activation.select().count()) == 0


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"name": ""}, "It is empty; write 1 to 200 characters."),
        ({"name": "x" * 201}, "201 characters; at most 200."),
        ({"name": "A\u202eB"}, "a character that cannot be seen"),
        ({"number": "08/123"}, "'08/123' is no number: only 0-9, *, # and +; spaces"),
        ({"number": "101"}, "101 is already taken, by Anna Andersson."),
        ({"endpoints": "101"}, "'101' is not of the form TECH/NAME"),
        ({"endpoints": "SIP/1"}, "main:SIP/1 is none of this organisation's telephones"),
        ({"mode": "sometimes"}, "'sometimes' is unknown"),
        ({"mode": "always"}, "Recording is switched on only for who has been told"),
        ({"mode": "always", "acknowledged": "yes", "acknowledgement": " "}, "It is empty; write what"),
        ({"mode": "always", **TOLD, "acknowledgement__at": "yesterday"}, "A day is written as 2026-11-22."),
        ({"mode": "always", **TOLD, "acknowledgement__at": "2026-11-23"}, "It is later than now."),
        ({"plan": "gold"}, "'gold' is unknown"),
        ({"role": "king"}, "'king' is unknown"),
        ({"role": "operator"}, "Operators are made and changed by the command line alone."),
        ({"login": "a b"}, "is no login"),
        ({"login": "olle"}, "'olle' is already taken."),
        ({"login": "Olle"}, "'Olle' is already taken: small and capital letters are no difference."),
        ({"password": "seven quiet lanterns"}, "A password needs a login to go with it."),
        ({"login": "eva", "password": "short"}, "too short"),
    ],
)
async def test_what_cannot_be_is_said_and_nothing_is_added(
    admin: Browser, world: World, given: dict[str, str], why: str
) -> None:
    before = world.store.read_now(lambda: User.select().count())
    answer = await send(admin, "/users/add", "/users/add", **{"name": "Eva", "number": "301", **given})
    assert answer.status == 422
    assert why in said(answer.text)
    assert answer.text.startswith("<!doctype html>")
    assert "<title>Not saved" in answer.text
    kept = form(answer.text, "/users/add")
    for name, value in given.items():
        if name not in ("password", "mode", "plan", "role"):
            typed = kept.values(name.replace("__", "."))
            assert typed == [value.replace("\u202e", "\ufffd")], "what was typed is still there"
    assert world.store.read_now(lambda: User.select().count()) == before


async def test_everything_that_is_wrong_is_said_at_once(admin: Browser) -> None:
    answer = await send(
        admin, "/users/add", "/users/add", name="", number="x", endpoints="1", login="a b", mode="always"
    )
    for field in ("name", "number", "endpoints", "login", "acknowledged"):
        assert f'href="#new-{field}"' in answer.text
        assert f'id="new-{field}-wrong"' in answer.text


async def test_who_is_changed_and_it_is_undone(admin: Browser, world: World) -> None:
    path = page_of(world)
    changed = await send(admin, path, f"{path}/who", name="Anna Berg", number="111", endpoints="PJSIP/111")
    shown = await follow(admin, changed)
    assert "Calls follow from the next one on, once Asterisk knows the telephone." in shown
    assert (row(world, "anna").name, row(world, "anna").number) == ("Anna Berg", "111")
    assert only_endpoint(world) == "PJSIP/111"
    undone = await follow(admin, await undo(admin, shown))
    assert "Anna Andersson is as before." in undone
    assert ">Undo<" not in undone, "no undo of an undo"
    assert (row(world, "anna").name, row(world, "anna").number) == ("Anna Andersson", "101")
    assert world.store.read_now(lambda: Endpoint.select().count()) == 0


async def test_recording_is_promised_once_asterisk_knows_the_telephone(admin: Browser, world: World) -> None:
    path = page_of(world)
    for given, said_of_it in (
        ({"name": "Anna"}, "calls of Anna are recorded once they have a telephone."),
        ({"endpoints": "PJSIP/111"}, "once Asterisk knows the telephone."),
        ({"name": "Anna Andersson"}, "Anna Andersson was changed. Calls follow from the next one on."),
    ):
        assert said_of_it in await follow(admin, await send(admin, path, f"{path}/who", **given))
    always = await follow(admin, await send(admin, path, f"{path}/recording", mode="on_demand"))
    assert "it holds from the next call of Anna Andersson on." in always
    await send(admin, path, f"{path}/recording", mode="never")
    again = await follow(admin, await send(admin, path, f"{path}/recording", mode="always", **TOLD))
    assert "on, once Asterisk knows the telephone." in again
    added = await send(admin, "/users/add", "/users/add", name="Ulf", mode="always", **TOLD)
    assert "calls of Ulf are recorded once they have a telephone." in await follow(admin, added)


async def test_recording_is_not_promised_where_asterisk_is_known_not_to_have_the_telephone(
    admin: Browser, world: World, parts: dict[str, Part]
) -> None:
    parts["pbx.main"] = Part(True, unknown=("PJSIP/111", "PJSIP/120"))
    path = page_of(world)
    for part, given in (("who", {"endpoints": "PJSIP/111"}), ("recording", {"mode": "on_demand"})):
        unknown = await follow(admin, await send(admin, path, f"{path}/{part}", **given))
        assert "does not know PJSIP/111 of Anna Andersson: no call is recorded there." in unknown
    added = await send(
        admin, "/users/add", "/users/add", name="Eva", endpoints="PJSIP/120", mode="always", **TOLD
    )
    assert "Saved, but Asterisk does not know PJSIP/120 of Eva" in await follow(admin, added)


@pytest.mark.parametrize("another", [None, "yes"])
async def test_a_login_without_a_password_is_told(admin: Browser, world: World, another: str | None) -> None:
    lacks = "cannot sign in yet, as they have no password"
    added = await send(admin, "/users/add", "/users/add", name="Eva", login="eva", another=another)
    assert f"Eva was added, and is not recorded. Eva {lacks}" in await follow(admin, added)
    path = f"/users/{world.store.read_now(lambda: User.get(User.login == 'eva').id)}"
    assert lacks in (await admin.get(path)).text
    saved = await follow(admin, await send(admin, path, f"{path}/sign-in", login="eva2"))
    assert f"Saved: how Eva signs in. Eva {lacks}" in saved
    given = await send(admin, path, f"{path}/sign-in", password="nine loud trumpets")
    assert lacks not in await follow(admin, given)
    assert lacks not in (await admin.get(page_of(world))).text


async def test_both_lengths_of_a_password_are_said(admin: Browser, world: World) -> None:
    for path in (page_of(world), page_of(world, "admin-acme")):
        text = (await admin.get(path)).text
        assert "At least 8 characters, and for administrators and operators 15." in text


def only_endpoint(world: World) -> str:
    return str(world.store.read_now(lambda: only(Endpoint).name))


async def test_another_s_change_is_shown_before_it_is_undone(admin: Browser, world: World) -> None:
    path = page_of(world)
    opened = (await admin.get(path)).text
    api = await Client.of(admin)
    await api("PATCH", f"/users/{world.ids['anna']}", {"name": "Anna Changed"})
    stale = await send_from(admin, opened, f"{path}/who", name="Anna Mine")
    assert stale.status == 412
    assert "admin-acme has changed this meanwhile. Nothing was saved." in said(stale.text)
    assert "It is now: Anna Changed" in said(stale.text)
    assert row(world, "anna").name == "Anna Changed"
    assert form(stale.text, f"{path}/who").values("name") == ["Anna Mine"]
    assert (await send_from(admin, stale.text, f"{path}/who")).status == 303, "saved again, it is a decision"
    assert row(world, "anna").name == "Anna Mine"


async def test_a_change_elsewhere_on_the_page_is_nobodys_conflict(admin: Browser, world: World) -> None:
    path = page_of(world)
    opened = (await admin.get(path)).text
    assert (await send(admin, path, f"{path}/recording", plan="business")).status == 303
    assert (await send_from(admin, opened, f"{path}/who", name="Anna Mine")).status == 303


async def test_recording_is_switched_off_and_on(admin: Browser, world: World) -> None:
    path = page_of(world)
    off = await follow(admin, await send(admin, path, f"{path}/recording", mode="never"))
    assert "it holds from the next call of Anna Andersson on" in off
    assert "Undo" not in off, "an activation has ended"
    assert "Recording is switched on" in off, "and what switching on means is in the form"
    refused = await send(admin, path, f"{path}/recording", mode="always")
    assert refused.status == 422
    assert row(world, "anna").mode == "never"
    on = await follow(
        admin,
        await send(admin, path, f"{path}/recording", mode="always", acknowledgement__at="2026-11-20", **TOLD),
    )
    begun = world.store.read_now(lambda: Activation.get(Activation.ended_at.is_null()))
    assert begun.acknowledged_at.isoformat() == "2026-11-20T11:00:00+00:00", "noon in Stockholm"
    assert "Told on paper." in on
    assert "Recorded since 22 Nov 2026, switched on by admin-acme." in on


async def test_another_mode_is_undone(admin: Browser, world: World) -> None:
    path = page_of(world)
    changed = await follow(
        admin, await send(admin, path, f"{path}/recording", mode="on_demand", may_listen=None)
    )
    assert (row(world, "anna").mode, row(world, "anna").may_listen) == ("on_demand", False)
    assert (await undo(admin, changed)).status == 303
    assert (row(world, "anna").mode, row(world, "anna").may_listen) == ("always", True)


async def test_what_was_not_known_is_written_down(admin: Browser, world: World) -> None:
    path = page_of(world)
    api = await Client.of(admin)
    await api("PATCH", f"/users/{world.ids['anna']}", {"mode": "never"})
    world.change(User, world.ids["anna"], mode="always")
    world.store.write_now(
        lambda: Activation.create(
            organisation=row(world, "anna").organisation_id, user=world.ids["anna"], plan="basic",
            began_at=NOON, began_by="root", start_fee=True,
        )
    )  # fmt: skip
    assert "It is not known that this user was told" in (await admin.get(path)).text
    unticked = await send(admin, path, f"{path}/acknowledgement", acknowledgement="Told.")
    assert unticked.status == 422
    done = await follow(admin, await send(admin, path, f"{path}/acknowledgement", **TOLD))
    assert "Written down: what Anna Andersson was told." in done
    assert "It is not known" not in done


async def test_signing_in(admin: Browser, world: World, open_browser: NewBrowser) -> None:
    path, bo = page_of(world, "bo"), await open_browser("bo")
    changed = await send(admin, path, f"{path}/sign-in", password="nine loud trumpets", role="supervisor")
    shown = await follow(admin, changed)
    assert "Saved: how Bo signs in." in shown
    assert "Undo" not in shown
    assert "nine loud" not in shown
    assert (await bo.get("/account")).status == 303, "signed out"
    assert (await admin.another().sign_in("bo", "nine loud trumpets")).status == 303
    assert (await send(admin, path, f"{path}/sign-in", login="")).status == 303
    assert row(world, "bo").password_hash is None


async def test_the_last_administrator_stays_one(admin: Browser, world: World) -> None:
    path = page_of(world, "admin-acme")
    refused = await send(admin, path, f"{path}/sign-in", role="user")
    assert "Nobody would be left to administer the organisation" in said(refused.text)
    world.change(User, world.ids["bo"], role="administrator")
    asked = (await admin.get(f"{path}/remove")).text
    world.change(User, world.ids["bo"], role="user")
    left = await send_from(admin, asked, f"{path}/remove")
    assert left.status == 409
    for text in ((await admin.get(f"{path}/remove")).text, left.text):
        assert "Nobody would be left" in said(text)
        assert "cannot be removed" in text
        assert "What goes" not in text
        assert f'action="{path}/remove"' not in text
    assert row(world, "admin-acme").role == "administrator"


async def test_preferences_of_a_user(admin: Browser, world: World) -> None:
    path = page_of(world)
    shown = await follow(
        admin, await send(admin, path, f"{path}/calls", announce_internal="beep", warning_tone_s="15")
    )
    api = await Client.of(admin)
    now = await api.get(f"/users/{world.ids['anna']}/preferences")
    assert (now["announce_internal"], now["warning_tone_s"]) == ("beep", 15)
    assert now["origins"]["announce_internal"] == "user"
    assert now["origins"]["codes"] == "default"
    assert (await undo(admin, shown)).status == 303
    now = await api.get(f"/users/{world.ids['anna']}/preferences")
    assert now["origins"]["announce_internal"] == "default"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"warning_tone_s": "5"}, "0 for none, or a whole number of seconds from 10 to 1800."),
        ({"warning_tone_s": "often"}, "0 for none, or a whole number of seconds from 10 to 1800."),
        ({"on_failure": "panic"}, "'panic' is not one of continue, tell, end."),
        ({"code__start": "*1"}, "The code of stop is 2 to 8 of 0-9, * and #, such as *44."),
        (
            {"code__start": "*4", "code__stop": "*45", "code__pause": "*6", "code__resume": "*7"},
            "*45 begins with *4",
        ),
    ],
)
async def test_preferences_that_cannot_be(
    admin: Browser, world: World, given: dict[str, str], why: str
) -> None:
    path = page_of(world)
    refused = await send(admin, path, f"{path}/calls", **given)
    assert refused.status == 422
    assert why in said(refused.text)
    assert row(world, "anna").preferences == "{}"


async def test_into_a_group_and_out_of_it(admin: Browser, world: World) -> None:
    api, path = await Client.of(admin), page_of(world)
    sales = (await api.made("/groups", {"name": "Sales"}))["id"]
    await api.made("/groups", {"name": "Support"})
    joined = await follow(admin, await send(admin, path, f"{path}/groups", group=sales))
    assert "Anna Andersson is in the group Sales now." in joined
    out = await send_from(admin, joined, f"/groups/{sales}/members/remove")
    assert out.headers["Location"].startswith(path), "back to the user"
    assert world.store.read_now(lambda: Membership.select().count()) == 0
    back = await follow(admin, out)
    assert (await undo(admin, back)).headers["Location"].startswith(path)
    assert world.store.read_now(lambda: Membership.select().count()) == 1
    for wrong in ("x", str(uuid4())):
        assert (await send(admin, path, f"{path}/groups", group=wrong)).status in (404, 422)


async def test_removing_says_what_goes_and_what_stays(admin: Browser, world: World) -> None:
    world.recording(world.ids["anna"])
    world.recording(world.ids["anna"])
    path = page_of(world)
    asked = (await admin.get(f"{path}/remove")).text
    for line in (
        "Remove Anna Andersson?",
        "Signing in as anna",
        "2 recordings, under this name and number",
        "cannot be undone",
    ):
        assert line in asked
    api = await Client.of(admin)
    await api("PATCH", f"/users/{world.ids['anna']}", {"plan": "pro"})
    stale = await send_from(admin, asked, f"{path}/remove")
    assert stale.status == 412
    assert "This user was changed meanwhile. Nothing was done" in said(stale.text)
    gone = await follow(admin, await send_from(admin, stale.text, f"{path}/remove"))
    assert "Anna Andersson was removed. Their recordings stay." in gone
    assert (await admin.get(path)).status == 404
    assert "not here, or not any more" in (await admin.get(path)).text
    late = await send_from(admin, stale.text, f"{path}/remove")
    assert late.status == 404


async def test_names_do_not_act(admin: Browser, world: World) -> None:
    made = world.user("mallory", UUID(str(row(world, "anna").organisation_id)), name=SCRIPT)
    for path in ("/users", f"/users/{made}", f"/users/{made}/remove", f"/users?q={SCRIPT[:20]}"):
        text = (await admin.get(path)).text
        assert SCRIPT not in text


async def test_who_did_it_is_in_the_audit_log(admin: Browser, world: World) -> None:
    path = page_of(world)
    await send(admin, path, f"{path}/who", name="Anna Berg")
    line = world.store.read_now(lambda: list(AuditLine.select())[-1])
    assert (line.actor_name, line.action, line.subject) == ("admin-acme", "change", str(world.ids["anna"]))


async def test_others_may_not(open_browser: NewBrowser, world: World) -> None:
    path, anna, other = page_of(world), await open_browser("anna"), await open_browser("admin-other")
    for address in ("/users", "/users/add", path, f"{path}/remove", "/groups", "/organisation"):
        assert (await anna.get(address)).status == 403
    for address in (path, f"{path}/remove"):
        assert (await other.get(address)).status == 404
    token = await other.form_token("/users/add")
    assert (await other.post(f"{path}/who", {"form_token": token, "name": "Mine"})).status == 404
    assert (await other.post("/users/add", {"name": "Mine"})).status == 403, "without a token"
    assert row(world, "anna").name == "Anna Andersson"


async def test_what_was_so_already_is_not_called_a_change(admin: Browser, world: World) -> None:
    path = page_of(world, "admin-acme")
    before = world.store.read_now(lambda: AuditLine.select().count())
    same = await follow(admin, await send(admin, path, f"{path}/who"))
    assert "Nothing was to be changed: Admin-Acme was so already." in same
    assert ">Undo<" not in same
    assert world.store.read_now(lambda: AuditLine.select().count()) == before


async def test_more_than_a_form_may_have(admin: Browser, world: World) -> None:
    path = page_of(world)
    large = await send(admin, path, f"{path}/who", name="x" * 70_000)
    assert large.status == 413
    assert "More was sent than is accepted." in large.text
    broken = await admin.request(
        "POST",
        f"{path}/who",
        data=b"name=%ff%fe",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert broken.status in (400, 403)
    assert row(world, "anna").name == "Anna Andersson"
