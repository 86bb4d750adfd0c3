"""Users as a CSV file: in with a report per line, all or nothing; out so that no cell is a formula."""

from __future__ import annotations

from uuid import UUID

import pytest

from ari_recorder.policies.rights import Right
from ari_recorder.policies.spreadsheet import ROWS_MAX
from ari_recorder.store import tokens
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.models import AuditLine, User
from ari_recorder.web.exchange import FILE_MAX_BYTES

from .settings import Client, rows
from .world import NOON, PASSWORD, NewBrowser, World

HEAD = "number,name,mode,plan,role,login,may_listen,endpoints,groups,acknowledgement"


@pytest.fixture
async def admin(open_browser: NewBrowser) -> Client:
    return await Client.of(await open_browser("admin-acme"))


def numbers(world: World) -> set[str | None]:
    return set(world.store.read_now(lambda: [user.number for user in User.select()]))


async def test_forty_colleagues_in_two_groups(admin: Client) -> None:
    await admin.made("/groups", {"name": "Sales"})
    await admin.made("/groups", {"name": "Support"})
    lines = [
        f"{200 + n},User {n},always,pro,user,user{n},no,PJSIP/{200 + n},{groups},Told"
        for n, groups in enumerate(["Sales|Support", "Sales"] * 20)
    ]
    file = "\r\n".join([HEAD, *lines])
    tried = (await admin.file(file, "?dry_run=true")).json()
    assert (tried["applied"], tried["created"], tried["refused"]) == (False, 40, 0)
    assert (await admin.get("/users?q=20"))["users"] == [], "a dry run changes nothing"
    done = (await admin.file(file)).json()
    assert (done["applied"], done["created"]) == (True, 40)
    assert done["rows"][0]["line"] == 2
    groups = {group["name"]: group["members"] for group in (await admin.get("/groups"))["groups"]}
    assert groups == {"Sales": 40, "Support": 20}
    again = (await admin.file(file)).json()
    assert (again["same"], again["changed"]) == (40, 0)
    (shown,) = (await admin.get("/users?q=User%207"))["users"]
    assert (shown["plan"], shown["may_listen"], shown["endpoints"]) == ("pro", False, ["main:PJSIP/207"])


async def test_what_is_written_is_read_back_the_same(admin: Client) -> None:
    names = ["=1+1", "+46 70", "-5", "@anna", "'quoted", "'=x", "a;b,c", 'say "hi"']
    for number, name in enumerate(names, 300):
        await admin.made("/users", {"name": name, "number": f"+{number}"})
    written = await admin("GET", "/users.csv")
    assert written.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in written.headers["Content-Disposition"]
    for row in rows(written.text):
        for cell in row.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell
    assert written.body.startswith(b"\xef\xbb\xbfnumber,name,")
    back = (await admin.file(written.body)).json()
    assert (back["same"], back["changed"], back["created"], back["refused"]) == (len(names) + 3, 0, 0, 0)


async def test_what_is_written_for_a_swedish_excel_is_read_back_the_same(
    admin: Client, open_browser: NewBrowser
) -> None:
    await admin.made("/users", {"name": "Åke; Öberg", "number": "300"})
    swede = await open_browser("admin-acme")
    await swede.get("/?lang=sv")
    written = await swede.get("/api/v1/users.csv")
    assert written.body.startswith(b"\xef\xbb\xbfnumber;name;")
    back = (await admin.file(written.body)).json()
    assert (back["same"], back["changed"], back["created"], back["refused"]) == (4, 0, 0, 0)


async def test_excel_s_own(admin: Client) -> None:
    file = "\ufeffnumber;name;endpoints\r\n301;Åsa Öberg;PJSIP/301|PJSIP/302\r\n\r\n"
    done = (await admin.file(file)).json()
    assert (done["applied"], done["created"]) == (True, 1)
    (asa,) = (await admin.get("/users?q=301"))["users"]
    assert (asa["name"], asa["endpoints"]) == ("Åsa Öberg", ["main:PJSIP/301", "main:PJSIP/302"])


async def test_one_that_is_refused_refuses_all_unless_asked_otherwise(admin: Client, world: World) -> None:
    file = (
        "number,name,mode,acknowledgement\n301,One,always,Told\n302,,never,\n101,Anna Changed,,\n3/3,Four,,\n"
    )
    before = world.store.read_now(lambda: AuditLine.select().count())
    refused = (await admin.file(file)).json()
    assert (refused["applied"], refused["created"], refused["changed"], refused["refused"]) == (
        False,
        1,
        1,
        2,
    )
    assert [row["outcome"] for row in refused["rows"]] == ["created", "refused", "changed", "refused"]
    assert "301" not in numbers(world)
    assert world.store.read_now(lambda: AuditLine.select().count()) == before
    partial = (await admin.file(file, "?partial=true")).json()
    assert (partial["applied"], partial["created"], partial["refused"]) == (True, 1, 2)
    assert {"301"} <= numbers(world)
    assert "302" not in numbers(world)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("401,,,,,,,,,", "name"),
        (",Nobody,,,,,,,,", "number"),
        ("4/1,A,,,,,,,,", "number"),
        ("401,A,sometimes,,,,,,,", "mode"),
        ("401,A,always,,,,,,,", "acknowledgement"),
        ("401,A,,gold,,,,,,", "plan"),
        ("401,A,,,king,,,,,", "role"),
        ("401,A,,,operator,,,,,", None),
        ("401,A,,,,olle,,,,", "login"),
        ("401,A,,,,,maybe,,,", "may_listen"),
        ("401,A,,,,,,101,,", "endpoints"),
        ("401,A,,,,,,,Nowhere,", "groups"),
        ("401,A", None),
        ("401,A,,,,,,,,,,,", None),
        ('401,"A\nB",,,,,,,,', "name"),
        (f"401,{'x' * 5000},,,,,,,,", "name"),
    ],
)
async def test_a_row_that_cannot_be_says_why(
    admin: Client, world: World, line: str, field: str | None
) -> None:
    report = (await admin.file(f"{HEAD}\n{line}\n402,Good,,,,,,,,\n")).json()
    assert (report["refused"], report["created"], report["applied"]) == (1, 1, False)
    row = report["rows"][0]
    assert (row["line"], row["outcome"], row["field"]) == (2, "refused", field)
    assert row["why"]
    assert (await admin.file(f"{HEAD}\n{line}\n402,Good,,,,,,,,\n", "?partial=true")).json()["applied"]
    assert "402" in numbers(world)
    assert "401" not in numbers(world), "nothing of the row is done"


async def test_the_same_user_twice(admin: Client) -> None:
    report = (await admin.file("number,name\n401,A\n401,B\n")).json()
    assert [row["outcome"] for row in report["rows"]] == ["created", "refused"]
    assert report["rows"][1]["why"] == "line 2 is of the same user."


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe1\x00",
        b"number,name\n1,\xe5\n",
        b"number,name\n1,A\x00\n",
        b"shoe,name\n1,A\n",
        b"number,number\n1,1\n",
        b'number,name\n1,"A\n',
        b'number,name\n1,"A"B\n',
        b"number,name\n" + b"1,A\n" * (ROWS_MAX + 1),
        b'number,name\n1,"' + b"x" * 200_000 + b'"\n',
        b"PK\x03\x04",
    ],
)
async def test_a_file_that_cannot_be_read(admin: Client, world: World, content: bytes) -> None:
    answer = await admin.file(content)
    assert (answer.status, answer.json()["field"]) == (422, "file"), answer.text
    assert "1" not in numbers(world)


async def test_a_file_that_is_too_large_or_none(admin: Client) -> None:
    assert (await admin.file(b"number,name\n" + b"x" * FILE_MAX_BYTES)).status == 413
    assert (await admin("POST", "/users/import", {"name": "Eva"})).status == 415
    assert (await admin.file(b"number,name\n", "?dry_run=perhaps")).status == 400


async def test_another_organisation_s_user_is_not_changed(admin: Client, world: World) -> None:
    """Olle of the other one has 101, too."""
    await admin.file("number,name\n101,Anna Changed\n")
    olle = world.store.read_now(lambda: User.get_by_id(world.ids["olle"]))
    assert olle.name == "Olle"
    assert "olle" not in (await admin("GET", "/users.csv")).text


async def test_renaming_many_tries_nobodys_password(admin: Client, world: World) -> None:
    """Each try takes as long as a sign-in, and everybody else who writes would wait for all of them."""
    world.change(User, world.ids["anna"], number="201")
    renamed = await admin.file(f"number,name\n201,{PASSWORD}\n")
    assert (renamed.status, renamed.json()["changed"]) == (200, 1)


async def test_another_customers_telephone_is_not_given_by_a_file(
    open_browser: NewBrowser, world: World
) -> None:
    other = await Client.of(await open_browser("admin-other"))
    file = "number,name,endpoints\n150,Eve,PJSIP/150\n151,Own,PJSIP/other-1\n"
    report = (await other.file(file, "?partial=true")).json()
    assert [row["outcome"] for row in report["rows"]] == ["refused", "created"]
    assert report["rows"][0]["field"] == "endpoints"
    assert "--endpoints" in report["rows"][0]["why"]


@pytest.mark.parametrize(
    ("scopes", "status"), [([Right.USERS_WRITE], 403), ([Right.USERS_WRITE, Right.GROUPS_WRITE], 200)]
)
async def test_a_token_puts_nobody_into_groups_that_it_may_not_change(
    admin: Client, open_browser: NewBrowser, world: World, scopes: list[Right], status: int
) -> None:
    await admin.made("/groups", {"name": "Sales"})
    by = Actor(ActorKind.COMMAND_LINE, "test", "test")
    acme = UUID((await admin.get("/me"))["organisation"])
    made = world.store.write_now(tokens.add, by, acme, None, "HR", scopes, None, NOON)
    headers = {"Authorization": f"Bearer {made.secret}", "Content-Type": "text/csv"}

    async def sent(file: str) -> int:
        program = await open_browser()
        return (await program.request("POST", "/api/v1/users/import", headers=headers, data=file)).status

    assert await sent("number,name,groups\n301,One,Sales\n") == status
    assert await sent("number,name,groups\n302,Two,\n") == 200, "an empty cell says nothing"
    assert ("301" in numbers(world), "302" in numbers(world)) == (status == 200, True)
