"""A file sent to us, as the body or in a form of a page: larger than other bodies, but with a limit.

What is read is counted while it comes in, whatever the headers say of its length.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http import HttpProcessingError

from ari_recorder.web.arrival import arriving
from ari_recorder.web.language import N_
from ari_recorder.web.problems import NotOwnPage, Refused
from ari_recorder.web.session import FORM_FIELD, is_own_token

FIELDS_MAX = 8
ARRIVES_WITHIN_S = 120.0
"""How long a file may take: 10 MB at 0.7 Mbit/s."""
_BLOCK_BYTES = 64 * 1024
_NO_FORM = N_("What was sent is not a form with a file.")


class TooLarge(Exception):
    """More was sent than may be."""


@dataclass
class UploadForm:
    """A form's text fields and its file, whose content is empty when none was chosen."""

    fields: dict[str, str] = field(default_factory=dict)
    file_name: str = ""
    content: bytes = b""
    too_large: bool = False
    """The file was larger than allowed; then nothing behind it was read."""


async def read_body(request: web.Request, most_bytes: int) -> bytes:
    """The whole body. Raises `TooLarge`."""
    if (request.content_length or 0) > most_bytes:
        raise TooLarge
    async with arriving(ARRIVES_WITHIN_S):
        return await _read(request.content.iter_chunked(_BLOCK_BYTES), most_bytes)


async def read_form(request: web.Request, most_bytes: int) -> UploadForm:
    """A form of this session, with a file of at most ``most_bytes``.

    The form's token comes before the file: of a form that is not our own no file is read.
    Raises `Refused`.
    """
    if request.content_type != "multipart/form-data":
        raise Refused(400, _NO_FORM)
    form = UploadForm()
    try:
        async with arriving(ARRIVES_WITHIN_S):
            reader = await request.multipart()
            for _ in range(FIELDS_MAX):
                part = await reader.next()
                if part is None or not await _take(request, part, form, most_bytes):
                    break
    except (ValueError, LookupError, HttpProcessingError) as error:
        raise Refused(400, _NO_FORM) from error
    if not await is_own_token(request, form.fields.get(FORM_FIELD)):
        raise NotOwnPage
    return form


async def _take(
    request: web.Request, part: MultipartReader | BodyPartReader, form: UploadForm, most_bytes: int
) -> bool:
    """Read one field into the form; False when no more is to be read."""
    if isinstance(part, MultipartReader):
        raise Refused(400, _NO_FORM)
    if part.filename is None:
        form.fields[part.name or ""] = await part.text()  # at most as much as any other body
        return True
    if not await is_own_token(request, form.fields.get(FORM_FIELD)):
        raise NotOwnPage
    form.file_name = part.filename
    try:
        form.content = await _read(_chunks(part), most_bytes)
    except TooLarge:
        form.too_large = True
    return not form.too_large


async def _chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    while chunk := await part.read_chunk(_BLOCK_BYTES):
        yield chunk


async def _read(chunks: AsyncIterator[bytes], most_bytes: int) -> bytes:
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) > most_bytes:
            raise TooLarge
    return bytes(content)
