"""The page of the prompts, for administrators: plain forms, which work without scripts."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from aiohttp import web

from ari_recorder.errors import PromptRefused, Refusal
from ari_recorder.media.prompts import FILE_MAX_BYTES
from ari_recorder.policies.preferences import LANGUAGES
from ari_recorder.policies.prompts import PromptKind
from ari_recorder.prompts import NO_LANGUAGE
from ari_recorder.store import prompts
from ari_recorder.store.prompts import TEXT_MAX, PromptInfo
from ari_recorder.web import page, upload
from ari_recorder.web.context import ACTOR, CONTEXT, own_organisation
from ari_recorder.web.language import N_, Language
from ari_recorder.web.prompts import address, addressed, replace
from ari_recorder.web.upload import UploadForm

_NO_FILE = N_("Choose a file first.")
_NO_TEXT = N_("Write down what the file says, in at most 500 characters and without line breaks.")


@dataclass(frozen=True)
class Wrong:
    """What was wrong with a form, and what had been typed into it."""

    anchor: str
    message: str
    text: str
    status: int = 422


async def show(request: web.Request) -> web.Response:
    """``GET /prompts``."""
    return await _page(request, own_organisation(request))


async def receive(request: web.Request) -> web.Response:
    """``POST /prompts/{language}/{kind}``: use a file; or the page again, with what was wrong."""
    organisation = own_organisation(request)
    kind, spoken_in = addressed(request)
    form = await upload.read_form(request, FILE_MAX_BYTES)
    if wrong := await _use(request, organisation, kind, spoken_in, form):
        return await _page(request, organisation, wrong)
    raise _done(kind, spoken_in, "replaced")


async def reset(request: web.Request) -> web.Response:
    """``POST /prompts/{language}/{kind}/reset``: back to the shipped one."""
    organisation = own_organisation(request)
    kind, spoken_in = addressed(request)
    context = request.app[CONTEXT]
    await context.store.write(prompts.reset, request[ACTOR], organisation, kind, spoken_in, context.now())
    raise _done(kind, spoken_in, "reset")


async def _use(
    request: web.Request, organisation: UUID, kind: PromptKind, spoken_in: str, form: UploadForm
) -> Wrong | None:
    words, text = page.words(request), form.fields.get("text", "").strip()
    anchor, say = _anchor(kind, spoken_in), words.language.gettext
    if form.too_large:
        return Wrong(anchor, words.refusal(Refusal.TOO_LARGE), text, 413)
    if not form.content and not form.file_name:
        return Wrong(anchor, say(_NO_FILE), text)
    if not _is_text(text) or (spoken_in and not text):
        return Wrong(anchor, say(_NO_TEXT), text)
    try:
        await replace(request, organisation, kind, spoken_in, form.content, text, form.file_name)
    except PromptRefused as error:
        return Wrong(anchor, words.refusal(error.reason), text)
    return None


def _is_text(text: str) -> bool:
    try:
        prompts.check_text(text)
    except ValueError:
        return False
    return True


async def _page(request: web.Request, organisation: UUID, wrong: Wrong | None = None) -> web.Response:
    found = await request.app[CONTEXT].store.read(prompts.list_prompts, organisation)
    values = {
        "parts": _parts(found, page.words(request).language),
        "address": address,
        "anchor": lambda info: _anchor(info.kind, info.language),
        "wrong": wrong,
        "text_max": TEXT_MAX,
        "done": request.query.get("done") if request.method != "POST" else None,
        "which": request.query.get("prompt"),
    }
    return await page.render(request, "prompts.html", values, status=wrong.status if wrong else 200)


def _parts(found: list[PromptInfo], reader: Language) -> list[tuple[str, str, list[PromptInfo]]]:
    """Code, name and prompts of each language; then the tones, without code."""
    names = {code: reader.locale.languages[code].capitalize() for code in LANGUAGES}
    names[NO_LANGUAGE] = reader.gettext(N_("Tones"))
    return [(code, name, [info for info in found if info.language == code]) for code, name in names.items()]


def _anchor(kind: PromptKind, spoken_in: str) -> str:
    return f"{spoken_in or 'tone'}-{kind}"


def _done(kind: PromptKind, spoken_in: str, what: str) -> web.HTTPException:
    anchor = _anchor(kind, spoken_in)
    return web.HTTPSeeOther(f"/prompts?done={what}&prompt={anchor}#{anchor}")
