"""Ending somebody's sessions and taking their second factor away, from the machine itself."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from ari_recorder.store import passwords, second_factors
from ari_recorder.store.access import access_revision
from ari_recorder.store.database import Store
from ari_recorder.store.models import AuditLine, SecondFactor, Session

from .conftest import Command

ADD = ("user", "add", "101", "--name", "Anna", "--login", "anna", "--password-stdin")
PASSWORD = "correct horse battery\n"


def signed_in(store: Store) -> UUID:
    """Anna, signed in twice, with a second factor."""
    user = store.read_now(passwords.stored_of, "anna")
    assert user is not None
    now = datetime.now(UTC)
    for secret in ("a", "b"):
        row = {"user": user.user, "secret_sha256": secret, "form_token": "", "address": "", "created_at": now}
        store.write_now(Session.create, seen_at=now, **row)
    for kind in ("totp", "recovery"):
        store.write_now(SecondFactor.create, user=user.user, kind=kind, name="", secret=kind, created_at=now)
    return user.user


def test_a_user_is_signed_out_everywhere(command: Command) -> None:
    command(*ADD, stdin=PASSWORD)
    store = Store(command.store_url)
    user, before = signed_in(store), store.read_now(access_revision)
    assert command("user", "sessions", "end", "101").out == "Anna: 2 sessions ended.\n"
    store = Store(command.store_url)
    assert store.read_now(lambda: Session.select().count()) == 0
    assert store.read_now(access_revision) > before
    line = store.read_now(lambda: AuditLine.select().order_by(AuditLine.number.desc()).first())
    assert (line.actor_kind, line.action, line.subject) == ("command_line", "sign_out", str(user))
    store.close()


def test_a_lost_second_factor_is_taken_away(command: Command) -> None:
    command(*ADD, stdin=PASSWORD)
    user = signed_in(Store(command.store_url))
    said = command("user", "second-factor", "remove", "anna").out
    assert said == "Anna: 1 second factor removed, and signed out everywhere.\n"
    store = Store(command.store_url)
    assert store.read_now(second_factors.list_of, user) == []
    assert store.read_now(lambda: SecondFactor.select().count() + Session.select().count()) == 0
    line = store.read_now(lambda: AuditLine.select().order_by(AuditLine.number.desc()).first())
    assert (line.actor_kind, line.action, line.subject_kind) == ("command_line", "remove", "second_factor")
    store.close()


def test_of_two_organisations_with_the_same_number(command: Command) -> None:
    command(*ADD, stdin=PASSWORD)
    command("organisation", "add", "Acme")
    command("user", "add", "101", "--name", "Åsa", "--organisation", "Acme")
    for words in (("sessions", "end"), ("second-factor", "remove")):
        assert "--organisation" in command.refused("user", *words, "101")
        assert command("user", *words, "101", "--organisation", "Acme").out.startswith("Åsa: 0 ")


def test_somebody_who_is_not_there(command: Command) -> None:
    command(*ADD, stdin=PASSWORD)
    for words in (("sessions", "end"), ("second-factor", "remove")):
        assert "No user has the number or login 'eve'" in command.refused("user", *words, "eve", code=1)


def test_a_password_that_will_not_do_is_refused_and_nothing_is_changed(command: Command) -> None:
    command(*ADD, stdin=PASSWORD)
    for password, why in (
        ("short", "at least 8"),
        ("password1", "tried first"),
        ("anna anna 101", "little more"),
    ):
        line = command.refused("user", "set", "anna", "--password-stdin", code=65, stdin=f"{password}\n")
        assert why in line
    line = command.refused(
        "user", "set", "anna", "--role", "administrator", "--password-stdin", code=65, stdin="tv9 kxq mru\n"
    )
    assert "at least 15 characters" in line


def test_it_is_compared_with_the_login_that_will_be(command: Command) -> None:
    command(*ADD, stdin=PASSWORD)
    changed = ("user", "set", "anna", "--login", "karin.berg", "--password-stdin")
    assert "little more" in command.refused(*changed, code=65, stdin="karin.berg1\n")
    assert command(*changed, stdin="anna.was.here.before\n").code == 0
    command("user", "set", "karin.berg", "--password-stdin", stdin="tolv.gula.paraplyer\n")
    line = command.refused("user", "set", "karin.berg", "--login", "tolv.gula.paraplyer", code=65)
    assert "That is the user's password" in line
