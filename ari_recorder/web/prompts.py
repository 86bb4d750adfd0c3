"""The API of prompts, for administrators: see them, hear them, replace them, go back to the shipped ones."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote
from uuid import UUID

from aiohttp import web

from ari_recorder.errors import PromptRefused, Refusal
from ari_recorder.media.prompts import FILE_MAX_BYTES, convert
from ari_recorder.policies.preferences import LANGUAGES
from ari_recorder.policies.prompts import TONES, PromptKind
from ari_recorder.store import prompts
from ari_recorder.store.prompts import PromptInfo
from ari_recorder.web import api, audio, upload
from ari_recorder.web.context import ACTOR, CONTEXT, own_organisation
from ari_recorder.web.problems import Refused

NO_LANGUAGE = "-"
"""In addresses, of tones."""
CONVERTING = web.AppKey("converting", asyncio.Semaphore)
"""One file at a time: each is a process."""


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/prompts``: all of them, speech by language and then the tones."""
    organisation = own_organisation(request)
    api.asked(request)
    found = await request.app[CONTEXT].store.read(prompts.list_prompts, organisation)
    return web.json_response({"prompts": [prompt_json(info) for info in found]})


async def put(request: web.Request) -> web.Response:
    """``PUT /api/v1/prompts/{language}/{kind}``: the body is the file."""
    organisation = own_organisation(request)
    kind, language = addressed(request)
    asked = api.asked(request, "text", "file_name")
    try:
        text = prompts.check_text(asked.get("text", ""))
    except ValueError as error:
        raise Refused(400, str(error)) from error
    if request.content_type.startswith("multipart/"):
        raise Refused(415, "Send the file itself as the body, not a form: curl --data-binary @file.")
    try:
        content = await upload.read_body(request, FILE_MAX_BYTES)
        info = await replace(request, organisation, kind, language, content, text, asked.get("file_name", ""))
    except upload.TooLarge as error:
        raise Refused(413, Refusal.TOO_LARGE) from error
    except PromptRefused as error:
        raise Refused(422, str(error)) from error
    return web.json_response(prompt_json(info))


async def delete(request: web.Request) -> web.Response:
    """``DELETE /api/v1/prompts/{language}/{kind}``: back to the shipped one, which is the answer."""
    organisation = own_organisation(request)
    kind, language = addressed(request)
    api.asked(request)
    info = await reset(request, organisation, kind, language)
    return web.json_response(prompt_json(info))


async def prompt_audio(request: web.Request) -> web.Response:
    """``GET /api/v1/prompts/{language}/{kind}/audio``: what is played, a WAV file."""
    organisation = own_organisation(request)
    kind, language = addressed(request)
    api.asked(request)
    found = await request.app[CONTEXT].store.read(prompts.find, organisation, kind, language)
    return audio.send_wav(request, found.wav, found.sha256)


async def replace(
    request: web.Request,
    organisation: UUID,
    kind: PromptKind,
    language: str,
    content: bytes,
    text: str,
    file_name: str,
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
    raise Refused(
        404,
        f"There is no such prompt: LANGUAGE/KIND is {' or '.join(LANGUAGES)} with one of"
        f" {', '.join(kind for kind in PromptKind if kind not in TONES)}, or - with one of"
        f" {', '.join(kind for kind in PromptKind if kind in TONES)}.",
    )


def address(info: PromptInfo) -> str:
    """The end of a prompt's addresses: ``sv/start``."""
    return f"{quote(info.language or NO_LANGUAGE)}/{quote(info.kind)}"


def prompt_json(info: PromptInfo) -> dict[str, Any]:
    """A prompt as the API shows it."""
    return {
        "kind": info.kind,
        "language": info.language or NO_LANGUAGE,
        "text": info.text,
        "own": info.own,
        "file_name": info.file_name,
        "duration_ms": info.duration_ms,
        "sha256": info.sha256,
        "changed_at": api.time(info.changed_at),
        "audio": f"/api/v1/prompts/{address(info)}/audio",
    }
