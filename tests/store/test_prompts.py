"""An organisation's prompts, on both databases."""

from __future__ import annotations

import hashlib
import io
import wave
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from ari_recorder import prompts as shipped
from ari_recorder.policies.prompts import PromptKind
from ari_recorder.store import models, people, prompts
from ari_recorder.store.database import Store
from ari_recorder.store.prompts import PromptAudio

from .build import NOBODY

START, BEEP = PromptKind.START, PromptKind.BEEP


@pytest.fixture
def organisation(store: Store) -> UUID:
    return store.write_now(people.default_organisation)


@pytest.fixture
def another(store: Store) -> UUID:
    return UUID(str(store.write_now(lambda: models.Organisation.create(name="Another").id)))


def replace(
    store: Store, organisation: UUID, kind: PromptKind, language: str, now: datetime, **also: Any
) -> None:
    values = {"wav": b"RIFF own", "duration_ms": 1234, "text": "Own", "file_name": "own.mp3"} | also
    store.write_now(prompts.replace, NOBODY, organisation, kind, language, now=now, **values)


def find(store: Store, organisation: UUID, kind: PromptKind, language: str) -> PromptAudio:
    return store.read_now(prompts.find, organisation, kind, language)


@pytest.mark.parametrize(("kind", "language"), shipped.every_prompt())
def test_without_an_own_one_the_shipped_one_is_played(
    store: Store, organisation: UUID, kind: PromptKind, language: str
) -> None:
    found = find(store, organisation, kind, language)
    assert (found.kind, found.language, found.own, found.file_name) == (kind, language, False, "")
    assert found.wav == shipped.path(kind, language).read_bytes()
    assert found.sha256 == hashlib.sha256(found.wav).hexdigest()
    assert found.text == shipped.text(kind, language)
    with wave.open(io.BytesIO(found.wav)) as file:
        assert found.duration_ms == pytest.approx(file.getnframes() / 16, abs=1)


def test_an_own_one_is_played_where_it_was_put(
    store: Store, organisation: UUID, another: UUID, now: datetime
) -> None:
    replace(store, organisation, START, "sv", now)
    found = find(store, organisation, START, "sv")
    assert found == PromptAudio(
        kind=START,
        language="sv",
        text="Own",
        sha256=hashlib.sha256(b"RIFF own").hexdigest(),
        duration_ms=1234,
        own=True,
        file_name="own.mp3",
        changed_at=now,
        wav=b"RIFF own",
    )
    assert not find(store, organisation, START, "en").own
    assert not find(store, organisation, PromptKind.STOP, "sv").own
    assert not find(store, another, START, "sv").own


def test_replacing_again_leaves_one(store: Store, organisation: UUID, now: datetime) -> None:
    replace(store, organisation, START, "en", now)
    replace(store, organisation, START, "en", now + timedelta(hours=1), wav=b"new", text="New", file_name="")
    found = find(store, organisation, START, "en")
    assert (found.wav, found.text, found.file_name) == (b"new", "New", "")
    assert found.changed_at == now + timedelta(hours=1)
    assert store.read_now(lambda: models.Prompt.select().count()) == 1


def test_back_to_the_shipped_one(store: Store, organisation: UUID, another: UUID, now: datetime) -> None:
    for whose in (organisation, another):
        replace(store, whose, START, "en", now)
    info = store.write_now(prompts.reset, NOBODY, organisation, START, "en", now)
    assert (info.own, info.text) == (False, shipped.text(START, "en"))
    assert not find(store, organisation, START, "en").own
    assert find(store, another, START, "en").own
    store.write_now(prompts.reset, NOBODY, organisation, START, "en", now)  # once more does no harm


@pytest.mark.parametrize("language", ["en", "sv", "", "-"])
def test_a_tone_is_the_same_in_every_language(
    store: Store, organisation: UUID, now: datetime, language: str
) -> None:
    replace(store, organisation, BEEP, language, now)
    for asked in ("en", "sv", "", "xx"):
        found = find(store, organisation, BEEP, asked)
        assert (found.own, found.language) == (True, "")
    store.write_now(prompts.reset, NOBODY, organisation, BEEP, "sv", now)
    assert not find(store, organisation, BEEP, "en").own


def test_the_list_has_all_of_them(store: Store, organisation: UUID, another: UUID, now: datetime) -> None:
    replace(store, organisation, START, "sv", now)
    replace(store, organisation, BEEP, "", now)
    replace(store, another, PromptKind.STOP, "sv", now)
    listed = store.read_now(prompts.list_prompts, organisation)
    assert [(info.kind, info.language) for info in listed] == shipped.every_prompt()
    assert {(info.kind, info.language) for info in listed if info.own} == {(START, "sv"), (BEEP, "")}
    assert not any(hasattr(info, "wav") for info in listed)
    for info in listed:
        found = vars(find(store, organisation, info.kind, info.language))
        assert found | vars(info) == found


@pytest.mark.parametrize("language", ["de", "", "-", "SV", "../en"])
def test_a_language_without_prompts(store: Store, organisation: UUID, now: datetime, language: str) -> None:
    with pytest.raises(ValueError, match="en or sv"):
        find(store, organisation, START, language)
    with pytest.raises(ValueError, match="en or sv"):
        replace(store, organisation, START, language, now)


@pytest.mark.parametrize("text", ["x" * 501, "a\0b", "two\nlines"])
def test_a_text_that_cannot_be_kept_changes_nothing(
    store: Store, organisation: UUID, now: datetime, text: str
) -> None:
    with pytest.raises(ValueError, match="text: "):
        replace(store, organisation, START, "en", now, text=text)
    assert not find(store, organisation, START, "en").own


@pytest.mark.parametrize(
    ("file_name", "kept"),
    [
        ("C:\\Users\\x\\hej.mp3", "hej.mp3"),
        ("../../etc/passwd", "passwd"),
        ("a\0b\r\n.wav", "ab.wav"),
        ("..", ".."),
        ("/", ""),
        ("å" * 300 + ".wav", "å" * 251 + ".wav"),
    ],
)
def test_of_a_file_s_name_the_last_part_is_kept(
    store: Store, organisation: UUID, now: datetime, file_name: str, kept: str
) -> None:
    replace(store, organisation, START, "en", now, file_name=file_name)
    assert find(store, organisation, START, "en").file_name == kept


def test_with_the_organisation_its_prompts_go(store: Store, another: UUID, now: datetime) -> None:
    replace(store, another, START, "en", now)
    store.write_now(lambda: models.Organisation.delete().where(models.Organisation.id == another).execute())
    assert store.read_now(lambda: models.Prompt.select().count()) == 0
