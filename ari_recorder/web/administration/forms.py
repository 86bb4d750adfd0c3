"""Forms of administration: what their fields hold, and what is wrong with it, at the field.

What may be is decided by `policies` and the store, as for the API; here it is only said where people look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from multidict import MultiDictProxy

from ari_recorder.errors import Invalid, NotAllowed, PasswordRefused
from ari_recorder.policies.unfit import Unfit
from ari_recorder.web.language import N_, Language
from ari_recorder.web.problems import Refused, weak_password
from ari_recorder.web.session import read_form

Faults = (Invalid, Unfit, NotAllowed, PasswordRefused, Refused)
"""What can be wrong with what somebody typed."""
STALE = 412
VERSION = "version"
"""The hidden field that says of which state a form was made."""
UNDONE = "undone"
"""The hidden field of a form that takes a change back."""


@dataclass
class Form:
    """Fields by name, and what is wrong with them, in the reader's language; under ``""`` with all of it.

    ``name`` tells the forms of one page apart. A field that may have several values has them as a tuple.
    """

    name: str
    values: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    version: str = ""
    """Of the state that it was made of (`versions.version`)."""
    stale: bool = False
    """Whether somebody else has changed it since the form was shown."""
    now: Mapping[str, Any] = field(default_factory=dict)
    """What somebody else has made of it meanwhile."""

    def id(self, name: str) -> str:
        """The id of a field in the page."""
        return f"{self.name}-{name}"

    def value(self, name: str) -> str:
        """What a field holds."""
        found = self.values.get(name, "")
        return found if isinstance(found, str) else ""

    def has(self, name: str, value: str) -> bool:
        """Whether a box is ticked."""
        found = self.values.get(name, ())
        return value == found if isinstance(found, str) else value in found

    def problem(self, name: str) -> str:
        """What is wrong with a field; empty if nothing is."""
        return self.problems.get(name, "")

    def beside(self, present: Form) -> Form:
        """It, to be shown in the place of what the form of the ``present`` state is.

        If that is another than it was made of, saving once more is a decision: it goes by the present one.
        """
        if self.stale:
            self.version, self.now = present.version, present.values
        return self

    def differs(self, name: str) -> bool:
        """Whether somebody else has made something else of that field than was typed."""
        return name in self.now and self.now[name] != self.values.get(name)

    def refuse(self, fault: Exception, words: Language) -> None:
        """Say at its field what is wrong; above the form if it has no field of its own."""
        name, text = told(fault, words)
        self.problems.setdefault(name, text)

    @contextmanager
    def noting(self, words: Language) -> Iterator[None]:
        """What is found wrong within is said in the form; that it is out of date, by `stale`."""
        try:
            yield
        except Faults as fault:
            if isinstance(fault, Refused) and fault.status == STALE:
                self.stale = True
            else:
                self.refuse(fault, words)

    def check(self, words: Language, *checks: Callable[[], Any]) -> None:
        """Run each of the checks: what all of them find is said at once."""
        for one in checks:
            with self.noting(words):
                one()

    @property
    def status(self) -> int:
        """Of a page that shows it again."""
        return STALE if self.stale else 422 if self.problems else 200


def told(fault: Exception, words: Language) -> tuple[str, str]:
    """The field that a fault is about, and what is wrong with it, as a sentence in the reader's language."""
    if isinstance(fault, PasswordRefused):
        fault = weak_password("password", fault)
    if isinstance(fault, Refused | Invalid | Unfit):
        sentence = words.gettext(fault.message)
        sentence = sentence[:1].upper() + sentence[1:]  # what is filled in stays as it is written
        return fault.field, sentence % fault.values if fault.values else sentence
    return "", words.gettext(str(fault))


async def sent(request: web.Request) -> MultiDictProxy[Any]:
    """What was sent; browsers send line breaks as CRLF. Raises `Refused` (400) for a file or no form."""
    found = await read_form(request)
    assert isinstance(found, MultiDictProxy)
    if not all(isinstance(value, str) for value in found.values()):
        raise Refused(400, N_("What was sent is not a form in UTF-8."))
    return found


def text(found: Mapping[str, Any], name: str) -> str:
    """A field as it was typed; empty if it was not sent."""
    value = found.get(name, "")
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""
