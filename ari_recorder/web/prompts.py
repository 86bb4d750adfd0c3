"""The API of prompts, for administrators: see them, hear them, replace them, go back to the shipped ones."""

from __future__ import annotations

import asyncio
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import Meta

from ari_recorder.errors import PromptRefused, Refusal
from ari_recorder.media.prompts import FILE_MAX_BYTES, convert
from ari_recorder.policies.preferences import LANGUAGES
from ari_recorder.policies.prompts import TONES, PromptKind
from ari_recorder.policies.rights import Right
from ari_recorder.store import prompts
from ari_recorder.store.prompts import TEXT_MAX, PromptInfo
from ari_recorder.web import audio, page, shapes, upload
from ari_recorder.web.context import ACTOR, CONTEXT, own_organisation
from ari_recorder.web.editing import Guard, guard
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import operation
from ari_recorder.web.shapes import time_or_none

_PROMPTS = "/api/v1/prompts"
NO_LANGUAGE = "-"
"""In addresses, of tones."""
CONVERTING = web.AppKey("converting", asyncio.Semaphore)
"""One file at a time: each is a process."""


@operation("GET", _PROMPTS, need=Right.PROMPTS_READ)
async def list_prompts(request: web.Request) -> shapes.Prompts:
    """What is said and played in calls: the organisation's own prompts, else the ones that ship."""
    found = await request.app[CONTEXT].store.read(prompts.list_prompts, own_organisation(request))
    return shapes.Prompts([shown(info) for info in found])


@operation("GET", _PROMPTS + "/{language}/{kind}", need=Right.PROMPTS_READ)
async def one_prompt(request: web.Request) -> shapes.Prompt:
    """One of them."""
    kind, language = addressed(request)
    found = await request.app[CONTEXT].store.read(prompts.find, own_organisation(request), kind, language)
    return shown(found)


class Said(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be listed of a file."""

    text: Annotated[str, Meta(max_length=TEXT_MAX, description="What it says, word for word.")] = ""
    file_name: Annotated[str, Meta(description="As it is to be listed; its last part is kept.")] = ""


@operation(
    "PUT",
    _PROMPTS + "/{language}/{kind}",
    need=Right.PROMPTS_WRITE,
    reads="audio/*",
    problems=(415, 422),
    guarded=True,
)
async def put_prompt(request: web.Request, query: Said) -> shapes.Prompt:
    """Use another file from now on: the body is the file itself, at most 10 MB and 30 seconds.

    WAV, MP3, M4A, Ogg, FLAC or another common format, of which the first sound track is taken.
    """
    kind, language = addressed(request)
    if request.content_type.startswith("multipart/"):
        raise Refused(415, N_("Send the file itself as the body, not a form: curl --data-binary @file."))
    words = page.words(request)
    try:
        content = await upload.read_body(request, FILE_MAX_BYTES)
        unchanged = guard(request, shown)
        info = await replace(
            request,
            own_organisation(request),
            kind,
            language,
            content,
            query.text,
            query.file_name,
            unchanged,
        )
    except upload.TooLarge as error:
        raise Refused(413, words.refusal(Refusal.TOO_LARGE)) from error
    except PromptRefused as error:
        raise Refused(422, words.refusal(error.reason)) from error
    return shown(info)


@operation("DELETE", _PROMPTS + "/{language}/{kind}", need=Right.PROMPTS_WRITE, guarded=True)
async def reset_prompt(request: web.Request) -> shapes.Prompt:
    """Go back to the prompt that ships, which is the answer. It does no harm when that is in use already."""
    kind, language = addressed(request)
    context = request.app[CONTEXT]
    info = await context.store.write(
        prompts.reset,
        request[ACTOR],
        own_organisation(request),
        kind,
        language,
        context.now(),
        guard(request, shown),
    )
    return shown(info)


@operation(
    "GET",
    _PROMPTS + "/{language}/{kind}/audio",
    need=Right.PROMPTS_READ,
    media_type="audio/wav",
    problems=(416,),
)
async def prompt_audio(request: web.Request) -> web.Response:
    """What is played: a WAV file, mono, 16 bits, 16 kHz."""
    kind, language = addressed(request)
    found = await request.app[CONTEXT].store.read(prompts.find, own_organisation(request), kind, language)
    return audio.send_wav(request, found.wav, found.sha256)


async def replace(
    request: web.Request,
    organisation: UUID,
    kind: PromptKind,
    language: str,
    content: bytes,
    text: str,
    file_name: str,
    unchanged: Guard[PromptInfo] = lambda info: None,
) -> PromptInfo:
    """Convert a file and use it from now on. Raises `PromptRefused`."""
    context = request.app[CONTEXT]
    async with request.app[CONVERTING]:
        converted = await asyncio.to_thread(convert, content)
    return await context.store.write(
        prompts.replace,
        request[ACTOR],
        organisation,
        kind,
        language,
        wav=converted.wav,
        duration_ms=converted.duration_ms,
        text=text,
        file_name=file_name,
        now=context.now(),
        unchanged=unchanged,
    )


async def reset(request: web.Request, organisation: UUID, kind: PromptKind, language: str) -> PromptInfo:
    """Back to the shipped one, which is returned."""
    context = request.app[CONTEXT]
    return await context.store.write(
        prompts.reset, request[ACTOR], organisation, kind, language, context.now()
    )


def addressed(request: web.Request) -> tuple[PromptKind, str]:
    """The prompt in the address, as the store knows it. Raises `Refused` (404) if there is none."""
    kind, language = request.match_info["kind"], request.match_info["language"]
    if kind in TONES and language == NO_LANGUAGE:
        return PromptKind(kind), ""
    if kind in set(PromptKind) - TONES and language in LANGUAGES:
        return PromptKind(kind), language
    values = {
        "languages": " | ".join(LANGUAGES),
        "kinds": ", ".join(kind for kind in PromptKind if kind not in TONES),
        "tones": ", ".join(kind for kind in PromptKind if kind in TONES),
    }
    raise Refused(
        404,
        N_(
            "There is no such prompt: LANGUAGE/KIND is %(languages)s with one of %(kinds)s, or - with one of"
            " %(tones)s."
        ),
        values=values,
    )


def address(info: PromptInfo) -> str:
    """The end of a prompt's addresses: ``sv/start``."""
    return f"{quote(info.language or NO_LANGUAGE)}/{quote(info.kind)}"


def shown(info: PromptInfo) -> shapes.Prompt:
    """A prompt as the API shows it."""
    return shapes.Prompt(
        kind=info.kind,
        language=info.language or NO_LANGUAGE,
        text=info.text,
        own=info.own,
        file_name=info.file_name,
        duration_ms=info.duration_ms,
        sha256=info.sha256,
        changed_at=time_or_none(info.changed_at),
        audio=f"{_PROMPTS}/{address(info)}/audio",
    )
