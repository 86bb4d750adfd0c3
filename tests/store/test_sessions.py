"""Sessions and second factors in the catalogue, on both databases."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from ari_recorder.store import access, models, passwords, second_factors, sessions
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.database import Store
from ari_recorder.store.models import AuditLine, Organisation, SecondFactor, Session, User, new_id
from ari_recorder.store.second_factors import Factor
from ari_recorder.store.sessions import Begun, Limits, Opened
from lab.directory import change_user

from ..conftest import NOW
from .build import add_user

ANNA = Actor(ActorKind.USER, "", "anna")
LIMITS = Limits(timedelta(hours=12), timedelta(hours=2))
HOUR = timedelta(hours=1)


@pytest.fixture
def anna(store: Store) -> UUID:
    return add_user(store, "101", login="anna", password="correct horse battery").id


def begin(store: Store, user: UUID, secret: str, **more: object) -> UUID:
    begun = Begun(secret, "form", "192.0.2.1", "x" * 500)
    more = {"whole": True, **more}
    return store.write_now(sessions.begin, user, begun, LIMITS, ANNA, NOW, **more)  # type: ignore[arg-type]


def found(store: Store, secret: str, after: timedelta = timedelta()) -> Opened | None:
    return store.read_now(sessions.find, secret, LIMITS, NOW + after)


def factor(kind: str, used: int = 5) -> Factor:
    return Factor(new_id(), kind, "", "sealed", used, NOW, None)


def test_a_session_is_found_by_its_secret_alone_until_its_time(store: Store, anna: UUID) -> None:
    id_ = begin(store, anna, "secret")
    opened = found(store, "secret")
    assert opened is not None
    assert (opened.id, opened.account.user.id, opened.halfway) == (id_, anna, False)
    assert found(store, "Secret") is None
    assert found(store, sessions.digest("secret")) is None
    assert found(store, "secret", 2 * HOUR) is None
    for hours in range(1, 12):
        assert found(store, "secret", hours * HOUR) is not None, hours
        store.write_now(sessions.seen, id_, NOW + hours * HOUR)
    assert found(store, "secret", 12 * HOUR) is None


def test_what_is_over_is_removed_and_the_one_that_is_replaced(store: Store, anna: UUID) -> None:
    first = begin(store, anna, "a")
    begin(store, anna, "b", replaces=first)
    assert found(store, "a") is None
    store.write_now(lambda: Session.update(seen_at=NOW - 3 * HOUR).execute())
    begin(store, anna, "c")
    assert store.read_now(lambda: Session.select().count()) == 1


@pytest.mark.parametrize(
    ("change", "ends"),
    [
        ({"password": "purple tin kettle"}, True),
        ({"password": ""}, True),
        ({"role": "supervisor"}, True),
        ({"role": "user"}, False),
        ({"name": "Anna A"}, False),
    ],
)
def test_a_changed_password_or_role_ends_every_session(
    store: Store, anna: UUID, change: dict[str, str], ends: bool
) -> None:
    begin(store, anna, "a")
    before = store.read_now(access.access_revision)
    store.write_now(change_user, "anna", **change)
    assert (found(store, "a") is None) is ends
    assert store.read_now(access.access_revision) > before or not ends


def test_ones_own_new_password_ends_the_others(store: Store, anna: UUID) -> None:
    kept = begin(store, anna, "a")
    begin(store, anna, "b")
    before = store.read_now(passwords.stored_of_user, anna)
    assert store.write_now(passwords.change, anna, before, "new", kept, ANNA, NOW)
    assert found(store, "a") is not None
    assert found(store, "b") is None
    assert not store.write_now(passwords.change, anna, before, "newer", kept, ANNA, NOW), "changed meanwhile"
    assert store.read_now(passwords.stored_of_user, anna) == "new"


def test_who_is_gone_has_no_session(store: Store, anna: UUID) -> None:
    begin(store, anna, "a")
    store.write_now(lambda: User.update(removed_at=NOW).execute())
    assert found(store, "a") is None
    assert store.read_now(passwords.stored_of, "anna") is None


def test_halfway_is_until_the_second_factor_is_given(store: Store, anna: UUID) -> None:
    begin(store, anna, "before")
    keep = begin(store, anna, "keep")
    assert store.write_now(second_factors.add, anna, keep, factor("totp"), ["code"], ANNA, NOW)
    assert found(store, "before") is None
    kept = found(store, "keep")
    assert kept is not None
    assert (kept.halfway, kept.factors) == (False, {"totp"})
    assert store.read_now(sessions.needs_factor, anna)
    begin(store, anna, "half", whole=False)
    half = found(store, "half", timedelta(minutes=9))
    assert half is not None
    assert half.halfway
    assert found(store, "half", timedelta(minutes=10)) is None
    begin(store, anna, "whole", factor="totp")
    whole = found(store, "whole", HOUR)
    assert whole is not None
    assert not whole.halfway


def test_an_organisation_may_ask_some_roles_for_one(store: Store, anna: UUID) -> None:
    begin(store, anna, "a")
    for roles, halfway in (("administrator", False), ("administrator user", True), ("", False)):
        store.write_now(lambda roles=roles: Organisation.update(second_factor=roles).execute())
        opened = found(store, "a")
        assert opened is not None
        assert (opened.halfway, opened.required) == (halfway, halfway)
        assert store.read_now(sessions.needs_factor, anna) is halfway


def test_no_step_and_no_code_is_taken_twice(store: Store, anna: UUID) -> None:
    keep, made = begin(store, anna, "a"), factor("totp", used=5)
    store.write_now(second_factors.add, anna, keep, made, ["abc-def", "ghi"], ANNA, NOW)
    taken = [store.write_now(second_factors.use, made.id, step, NOW) for step in (5, 6, 6, 4, 7)]
    assert taken == [False, True, False, False, True]
    step = 60_000_000_000
    assert store.write_now(second_factors.use, made.id, step, NOW), (
        "a passkey's counter may be any of 32 bits"
    )
    assert store.write_now(second_factors.use, made.id, 0, NOW, counts=False)
    assert [store.write_now(second_factors.use_code, anna, code) for code in ("ABC def", "abcdef", "x")] == [
        True,
        False,
        False,
    ]
    assert store.read_now(second_factors.recovery_left, anna) == 1


def test_the_last_one_takes_the_codes_along(store: Store, anna: UUID) -> None:
    keep, app, key = begin(store, anna, "a"), factor("totp"), factor("passkey")
    store.write_now(second_factors.add, anna, keep, app, ["code"], ANNA, NOW)
    store.write_now(second_factors.add, anna, keep, key, [], ANNA, NOW)
    assert store.write_now(second_factors.remove, anna, app.id, keep, ANNA, NOW)
    assert store.read_now(second_factors.recovery_left, anna) == 1
    assert not store.write_now(second_factors.remove, anna, app.id, keep, ANNA, NOW)
    other = add_user(store, "102", login="bo", password="correct horse battery").id
    assert not store.write_now(second_factors.remove, other, key.id, keep, ANNA, NOW)
    assert store.write_now(second_factors.remove, anna, key.id, keep, ANNA, NOW)
    assert store.read_now(lambda: SecondFactor.select().count()) == 0
    lines = store.read_now(lambda: list(AuditLine.select().order_by(AuditLine.number)))
    actions = [line.action for line in lines if (line.action, line.subject_kind) != ("create", "user")]
    assert actions == ["sign_in", "create", "create", "remove", "remove"]


def test_who_asks_is_read_with_few_statements(
    store: Store, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request begins with it: session, user, organisation, telephones, second factors."""
    begin(store, anna, "secret")
    database, asked = models.database.obj, list[str]()
    execute = database.execute_sql

    def counted(sql: str, *values: object) -> object:
        asked.append(sql)
        return execute(sql, *values)

    monkeypatch.setattr(database, "execute_sql", counted)
    assert found(store, "secret") is not None
    assert len(asked) == 5, asked
