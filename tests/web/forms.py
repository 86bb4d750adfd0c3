"""Forms of pages, filled in and sent as a browser without scripts does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

from .world import Answer, Browser

_TOLD = re.compile(r'<div class="notice \w+ told".*?</div>', re.DOTALL)
Given = str | Sequence[str] | None
"""A value, several of a name, or None where the field is not sent."""


@dataclass
class Sheet:
    """A form of a page: where it goes, and what its fields hold."""

    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        return [value for known, value in self.fields if known == name]

    def filled(self, given: Mapping[str, Given]) -> list[tuple[str, str]]:
        """With these values in place of those that the fields hold."""
        kept = [(name, value) for name, value in self.fields if name not in given]
        for name, value in given.items():
            several = [] if value is None else [value] if isinstance(value, str) else list(value)
            kept += [(name, one) for one in several]
        return kept


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Sheet] = []
        self.text: list[str] = []
        self._within, self._area, self._select = False, "", ""
        self._chosen: list[tuple[bool, str]] = []
        self._written = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Sheet(of.get("action", "")))
            self._within = True
        if not self._within:
            return
        if tag == "input" and of.get("name") and of.get("type") not in ("submit", "file"):
            if of.get("type") not in ("checkbox", "radio") or "checked" in of:
                self.forms[-1].fields.append((of["name"], of.get("value", "")))
        elif tag == "textarea":
            self._area, self._written = of.get("name", ""), ""
        elif tag == "select":
            self._select, self._chosen = of.get("name", ""), []
        elif tag == "option" and self._select:
            self._chosen.append(("selected" in of, of.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._within = False
        elif tag == "textarea" and self._area:
            self.forms[-1].fields.append((self._area, self._written.removeprefix("\n")))
            self._area = ""
        elif tag == "select" and self._select:
            if self._chosen:
                chosen = next((value for selected, value in self._chosen if selected), self._chosen[0][1])
                self.forms[-1].fields.append((self._select, chosen))
            self._select = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self._written += data


def forms(text: str) -> list[Sheet]:
    """Every form of a page."""
    reader = _Reader()
    reader.feed(text)
    return reader.forms


def form(text: str, action: str) -> Sheet:
    """The first form of a page that is sent to that path, but for the one that undoes what was done."""
    found = [one for one in forms(_TOLD.sub("", text)) if one.action.partition("#")[0] == action]
    assert found, (action, [one.action for one in forms(text)])
    return found[0]


async def send(browser: Browser, page: str, action: str, **given: Given) -> Answer:
    """Open a page, fill in its form of that path, and send it; a dot in a name is written ``__``."""
    return await send_from(browser, (await browser.get(page)).text, action, **given)


async def send_from(browser: Browser, text: str, action: str, **given: Given) -> Answer:
    """As `send`, of a page that was opened before."""
    values = {name.replace("__", "."): value for name, value in given.items()}
    body = urlencode(form(text, action).filled(values))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return await browser.request("POST", action, data=body, headers=headers)


async def follow(browser: Browser, answer: Answer) -> str:
    """The text of the page that a form led to."""
    assert answer.status == 303, (answer.status, said(answer.text))
    return (await browser.get(answer.headers["Location"].partition("#")[0])).text


async def undo(browser: Browser, text: str) -> Answer:
    """Press the button that takes back what a page tells of."""
    told = _TOLD.search(text)
    assert told, said(text)
    sheet = forms(told[0])[0]
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return await browser.request("POST", sheet.action, data=urlencode(sheet.fields), headers=headers)


def said(text: str) -> str:
    """What a page says in its alerts and at its fields."""
    reader = _Alerts()
    reader.feed(text)
    return " ".join(" ".join(reader.text).split())


class _Alerts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.depth, self.text = 0, list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        of = dict(attrs)
        marked = of.get("role") in ("alert", "status") or "field-problem" in (of.get("class") or "")
        if (self.depth or marked) and tag not in ("input", "br", "path"):
            self.depth += 1

    def handle_endtag(self, tag: str) -> None:
        if self.depth and tag not in ("input", "br", "path"):
            self.depth -= 1

    def handle_data(self, data: str) -> None:
        if self.depth:
            self.text.append(unescape(data))
