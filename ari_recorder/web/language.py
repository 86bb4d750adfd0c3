"""Texts in the reader's language: English in the source, others in `locale/*/LC_MESSAGES/messages.po`.

The catalogues are compiled in memory at the first use, so that no built file can be out of date.
"""

from __future__ import annotations

import functools
import gettext
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALES = Path(__file__).parent / "locale"
SOURCE = "en"
LANGUAGES = {SOURCE: "English", "sv": "Svenska"}
"""Every language of the pages, by its code, named in itself."""
_TERRITORIES = {SOURCE: "en_GB", "sv": "sv_SE"}


def mark_text(message: str) -> str:
    """Mark a text for translation that is looked up later (`N_` in many programs)."""
    return message


N_ = mark_text


@dataclass(frozen=True)
class Language:
    """A language of the pages: its texts, and how it writes dates and numbers."""

    code: str
    locale: Locale
    texts: gettext.NullTranslations

    def gettext(self, message: str, **values: object) -> str:
        """The text in this language, ``%(name)s`` filled in from ``values``."""
        text = self.texts.gettext(message)
        return text % values if values else text

    def ngettext(self, one: str, many: str, n: int, **values: object) -> str:
        """As `gettext`, in the form that goes with ``n``, which fills in ``%(n)s``."""
        return self.texts.ngettext(one, many, n) % {"n": n, **values}


@functools.cache
def language(code: str) -> Language:
    """One of `LANGUAGES`."""
    return Language(code, Locale.parse(_TERRITORIES[code]), _texts(code))


def choose(chosen: str | None, organisation: str | None, accepted: str) -> Language:
    """The reader's own choice, else their organisation's language, else what their browser asks for."""
    for code in (chosen, organisation, *_accepted(accepted)):
        if code in LANGUAGES:
            return language(code)
    return language(SOURCE)


def _accepted(header: str) -> Iterable[str]:
    """Codes in an ``Accept-Language`` header (RFC 9110, 12.5.4), the most wanted first."""
    wanted = [_weighed(part) for part in header.split(",")[:20]]
    return [code for weight, code in sorted(wanted, key=lambda pair: -pair[0]) if weight > 0]


def _weighed(part: str) -> tuple[float, str]:
    tag, _, quality = part.strip().partition(";")
    try:
        weight = float(quality.strip().removeprefix("q=") or 1)
    except ValueError:
        weight = 0.0
    return weight, tag.strip().partition("-")[0].lower()


def _texts(code: str) -> gettext.NullTranslations:
    if code == SOURCE:
        return gettext.NullTranslations()
    with (LOCALES / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale=code)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
