"""The softphone's page is whole in each of its languages, and asks for no text that there is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import Template
from typing import Any

import pytest

from ari_recorder.policies.table import Mode
from ari_recorder.web.language import LANGUAGES
from lab import softphone

HERE = softphone.HERE
SCRIPTS = "".join((HERE / name).read_text(encoding="utf-8") for name in ("page.js", "phone.js"))


def texts(part: dict[str, Any], name: str = "") -> Iterator[tuple[str, str]]:
    for key, value in part.items():
        if isinstance(value, dict):
            yield from texts(value, f"{name}{key}.")
        else:
            yield f"{name}{key}", value


def values_of(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_text_with_the_same_values(language: str) -> None:
    english, other = (dict(texts(softphone.words(one))) for one in ("en", language))
    assert other.keys() == english.keys()
    assert {name: values_of(text) for name, text in other.items()} == {
        name: values_of(text) for name, text in english.items()
    }
    untold = {name for name, text in other.items() if not text}
    assert untold == {"reasons.487"}  # one has hung up oneself


def test_every_text_is_used_and_every_one_used_is_there() -> None:
    page = softphone.words("en")["page"]
    shown = Template((HERE / "index.html").read_text(encoding="utf-8")).get_identifiers()
    asked = set(re.findall(r'say\(\s*"page\.(\w+)"', SCRIPTS)) | set(re.findall(r': "(no?t?_\w+)"', SCRIPTS))
    asked |= {"sign_in", "no_login", "no_microphone"}  # chosen by a condition
    assert set(shown) - {"language"} | asked == page.keys()
    assert softphone.words("en")["modes"].keys() == {str(mode) for mode in Mode}
    assert {key for keys in softphone.KEYS.values() for key in keys} == softphone.words("en")["keys"].keys()


def test_the_page_speaks_the_browsers_language() -> None:
    assert '<html lang="sv">' in softphone._page("sv")
    assert "Ring 106, prata, lägg på" in softphone._page("sv")
    assert "Call 106, talk, hang up" in softphone._page("en")
