"""The rows of a file of users, one after the other: tried or done, each whole or not at all."""

from __future__ import annotations

from collections import ChainMap, Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from ari_recorder.errors import Invalid, NotAllowed
from ari_recorder.policies import fields
from ari_recorder.policies.numbering import dialled
from ari_recorder.policies.spreadsheet import Row
from ari_recorder.policies.text import caseless
from ari_recorder.policies.unfit import Unfit
from ari_recorder.store import models
from ari_recorder.store.audit import Actor
from ari_recorder.store.people.activations import Acknowledgement
from ari_recorder.store.people.changes import add_user, change_user
from ari_recorder.store.people.exchange import PLAIN, Outcome, RowReport, There, several, truth
from ari_recorder.store.people.groups import members_changed
from ari_recorder.store.people.rows import UserRow, endpoint_text


@dataclass
class FileRows:
    """What is there, and what the rows so far have made of it.

    The first of each pair of maps is what the present step has learned, and is forgotten when it begins anew.
    """

    organisation: UUID
    there: There
    pbxs: tuple[str, ...]
    actor: Actor
    now: datetime
    lines: ChainMap[UUID, int] = field(default_factory=lambda: ChainMap({}, {}))
    """Of users that a row was of: a second one is refused."""
    claims: ChainMap[tuple[str, str], int] = field(default_factory=lambda: ChainMap({}, {}))
    """The line of whom a number, a login or a telephone is to be, of rows that were only tried."""
    joined: dict[str, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    left: dict[str, list[UUID]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        there = self.there.users
        self.by_number = ChainMap[str, UserRow]({}, {user.number: user for user in there if user.number})
        often = Counter(caseless(user.login) for user in there if user.login)
        self.twins = frozenset(login for login, count in often.items() if count > 1)
        """Logins that differ in small and capital letters alone: each is found as it is written."""
        self.by_login = ChainMap[str, UserRow](
            {}, {self._login(user.login): user for user in there if user.login}
        )

    @property
    def _maps(self) -> tuple[ChainMap[Any, Any], ...]:
        return self.lines, self.claims, self.by_number, self.by_login

    def begin(self) -> None:
        """A step begins, or begins again."""
        for known in self._maps:
            known.maps[0].clear()
        self.joined.clear()
        self.left.clear()

    def learn(self) -> None:
        """The step's write has succeeded."""
        for known in self._maps:
            known.maps[1].update(known.maps[0])

    def done(self, row: Row) -> RowReport:
        """Do what one row says, or nothing of it."""
        report, user = self._one(row)
        if user is not None:
            self.lines[user.id] = row.line
            if user.number:
                self.by_number[user.number] = user
            if user.login:
                self.by_login[self._login(user.login)] = user
        return report

    def tried(self, row: Row) -> RowReport:
        """What would become of one row, which is taken back: what it takes is claimed for it."""
        with models.database.savepoint() as whole:
            report, _ = self._one(row)
            whole.rollback()
        if report.outcome is Outcome.REFUSED:
            return report
        wanted = self._wanted(row.cells)
        for claim in wanted:
            if claim in self.claims:
                fault = _twice(claim, self.claims[claim])
                return RowReport(row.line, report.who, Outcome.REFUSED, fault=fault)
        self.claims.update(dict.fromkeys(wanted, row.line))
        return report

    def _one(self, row: Row) -> tuple[RowReport, UserRow | None]:
        who = row.cells.get("number") or row.cells.get("login") or row.cells.get("name", "")
        try:
            if row.fault is not None:
                raise row.fault
            with models.database.savepoint():
                outcome, changed, user = self._made(row)
        except (Invalid, Unfit, NotAllowed) as fault:
            return RowReport(row.line, who[: fields.NAME_MAX], Outcome.REFUSED, fault=fault), None
        return RowReport(row.line, who, outcome, changed), user

    def _wanted(self, cells: Mapping[str, str]) -> list[tuple[str, str]]:
        """What a row takes for its user, and whom it is of."""
        given = _given(cells)
        found = [("number", given["number"])] if "number" in given else []
        found += [("login", self._login(given["login"]))] if "login" in given else []
        if "endpoints" in given:
            there = fields.endpoints("endpoints", several(given["endpoints"]), self.pbxs)
            found += [("endpoints", endpoint_text(*one)) for one in there]
        known = self._known(given)
        return [*found, *([("user", str(known.id))] if known else [])]

    def put_into_groups(self) -> None:
        """In one change for each group."""
        for name in sorted({*self.joined, *self.left}):
            members_changed(
                self.organisation, self.there.groups[name], self.joined[name], self.left[name],
                actor=self.actor, now=self.now,
            )  # fmt: skip

    def _made(self, row: Row) -> tuple[Outcome, tuple[str, ...], UserRow]:
        given = _given(row.cells)
        values = self._values(given)
        groups = self._groups(given)
        text = given.get("acknowledgement")
        before = self._known(given)
        if before is None:
            user = self._added(values, Acknowledgement(text) if text else None)
            self._regroup(user.id, groups)
            return Outcome.CREATED, tuple(given), user
        self._once(before, row.line)
        changed = self._changed(before, values, text, groups)
        self._regroup(before.id, groups)
        return Outcome.CHANGED if changed else Outcome.SAME, changed, before

    def _known(self, given: Mapping[str, str]) -> UserRow | None:
        number, login = given.get("number"), given.get("login")
        if not number and not login:
            raise Unfit("number", "write a number, or a login: they say who it is.")
        return self.by_number.get(number) if number else self.by_login.get(self._login(login or ""))

    def _login(self, login: str) -> str:
        alike = caseless(login)
        return login if alike in self.twins else alike

    def _once(self, user: UserRow, line: int) -> None:
        if user.id in self.lines:
            raise Unfit("number", "line %(line)s is of the same user.", line=self.lines[user.id])

    def _added(self, values: dict[str, Any], acknowledgement: Acknowledgement | None) -> UserRow:
        if "name" not in values:
            raise Unfit("name", "the user is new, and needs a name.")
        return add_user(
            **{"number": None, **values}, organisation=self.organisation, acknowledgement=acknowledgement,
            actor=self.actor, now=self.now,
        )  # fmt: skip

    def _changed(
        self, before: UserRow, values: dict[str, Any], text: str | None, groups: set[str] | None
    ) -> tuple[str, ...]:
        changes = {name: value for name, value in values.items() if not _same(before, name, value)}
        told = text if text and text != self.there.acknowledged.get(before.id) else None
        if changes or told:
            acknowledgement = Acknowledgement(told) if told else None
            change_user(
                self.organisation, before.id, changes, acknowledgement=acknowledgement, tries_password=False,
                actor=self.actor, now=self.now,
            )  # fmt: skip
        regrouped = groups is not None and groups != self.there.groups_of.get(before.id, set())
        return (*changes, *(["groups"] if regrouped else []), *(["acknowledgement"] if told else []))

    def _values(self, given: Mapping[str, str]) -> dict[str, Any]:
        values: dict[str, Any] = fields.user({name: given[name] for name in PLAIN if name in given})
        if "may_listen" in given:
            values["may_listen"] = truth(given["may_listen"])
        if "endpoints" in given:
            values["endpoints"] = fields.endpoints("endpoints", several(given["endpoints"]), self.pbxs)
        return values

    def _groups(self, given: Mapping[str, str]) -> set[str] | None:
        if "groups" not in given:
            return None
        groups = set(several(given["groups"]))
        for name in sorted(groups - set(self.there.groups)):
            raise Unfit("groups", "there is no group %(name)s: add it first.", name=repr(name[:60]))
        return groups

    def _regroup(self, user: UUID, groups: set[str] | None) -> None:
        if groups is None:
            return
        now = self.there.groups_of.get(user, set())
        for name in groups - now:
            self.joined[name].append(user)
        for name in now - groups:
            self.left[name].append(user)


def _given(cells: Mapping[str, str]) -> dict[str, str]:
    """What stands in a row, its number as it is dialled: it says who it is."""
    given = {name: text for name, text in cells.items() if text}
    return given | ({"number": dialled(given["number"])} if "number" in given else {})


def _twice(claim: tuple[str, str], line: int) -> Unfit:
    what, value = claim
    if what in ("user", "number"):
        return Unfit("number", "line %(line)s is of the same user.", line=line)
    return Unfit(what, "%(value)s is given in line %(line)s, too.", value=value, line=line)


def _same(before: UserRow, name: str, value: Any) -> bool:
    if name == "endpoints":
        return set(before.endpoints) == set(value)
    return bool(getattr(before, name) == value)
