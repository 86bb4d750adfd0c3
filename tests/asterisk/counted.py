"""A person at a browser, counted: how many clicks, fields and keys each deed takes, and how long.

The time is that of the keystroke-level model (Card, Moran and Newell, 1980): what hands and head need of
somebody who knows what they are about to do. It is a figure to compare by, and has no reading in it.
"""

from __future__ import annotations

from dataclasses import dataclass

from playwright.async_api import Locator, Page

CLICK_S = 1.1 + 0.2
"""To point at something and press the button."""
KEY_S = 0.28
"""A key, by somebody who types 40 words a minute."""
TO_KEYS_S = 0.4
"""For the hand from the mouse to the keyboard, and back."""
THINK_S = 1.35
"""Before each click, and before each field."""


@dataclass
class Deed:
    """Something that is done, and what it took. ``listened_s`` is what one listens to or speaks meanwhile."""

    what: str
    clicks: int = 0
    fields: int = 0
    keys: int = 0
    listened_s: float = 0

    @property
    def seconds(self) -> float:
        """By the keystroke-level model, and what was listened to."""
        thinking_s = THINK_S * (self.clicks + self.fields)
        moving_s = CLICK_S * self.clicks + KEY_S * self.keys + 2 * TO_KEYS_S * self.fields
        return thinking_s + moving_s + self.listened_s


class Person:
    """Somebody who clicks and types in a page, and is counted meanwhile."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.deeds: list[Deed] = []

    def begins(self, what: str) -> None:
        """What follows belongs to this deed."""
        self.deeds.append(Deed(what))

    @property
    def deed(self) -> Deed:
        return self.deeds[-1]

    async def click(self, what: Locator) -> None:
        """One click."""
        self.deed.clicks += 1
        await what.click()

    async def type(self, field: Locator, text: str) -> None:
        """Fill in a field: in it already, by the tabulator key from the one before, or by a click."""
        await field.wait_for()
        if not await _is_in(field):
            await self.page.keyboard.press("Tab")
            if await _is_in(field):
                self.deed.keys += 1
            else:
                await self.click(field)
        self.deed.fields += 1
        self.deed.keys += len(text)
        await self.page.keyboard.press("ControlOrMeta+A")
        await self.page.keyboard.type(text)

    async def press(self, key: str) -> None:
        """One key."""
        self.deed.keys += 1
        await self.page.keyboard.press(key)


async def _is_in(field: Locator) -> bool:
    return bool(await field.evaluate("field => field === document.activeElement"))


def table(deeds: list[Deed]) -> str:
    """The deeds as a table of the guide."""
    lines = ["| what | clicks | fields | keys | about |", "| --- | --: | --: | --: | --: |"]
    lines += [
        f"| {one.what} | {one.clicks} | {one.fields} | {one.keys} | {round(one.seconds)} s |" for one in deeds
    ]
    total = [sum(getattr(one, name) for one in deeds) for name in ("clicks", "fields", "keys")]
    minutes = sum(one.seconds for one in deeds) / 60
    lines.append(f"| **all** | {' | '.join(f'**{one}**' for one in total)} | **{minutes:.1f} min** |")
    return "\n".join(lines) + "\n"
