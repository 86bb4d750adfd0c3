"""The page of the prompts, for administrators: heard, replaced by a file or a recording, and put back.

Plain forms, which work without scripts; a script adds the small player, drag and drop, and the microphone.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from uuid import UUID

from aiohttp import web

from ari_recorder.errors import PromptRefused, Refusal
from ari_recorder.media.prompts import FILE_MAX_BYTES, LENGTH_MAX_S
from ari_recorder.policies.prompts import TONES, PromptKind
from ari_recorder.store import people, prompts
from ari_recorder.store.prompts import TEXT_MAX, PromptAudio
from ari_recorder.web import page, session, told, upload
from ari_recorder.web.administration.terms import ANNOUNCE
from ari_recorder.web.context import ACTOR, CONTEXT, own_organisation
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.prompts import address, addressed, replace
from ari_recorder.web.security import MICROPHONE
from ari_recorder.web.told import Undo
from ari_recorder.web.upload import UploadForm

TAKES = ("prompt", told.PARAMETER)
PURPOSES = (
    (
        "course",
        N_("When recording begins, pauses and ends"),
        (PromptKind.START, PromptKind.STOP, PromptKind.PAUSE, PromptKind.RESUME),
    ),
    ("failure", N_("When recording fails"), (PromptKind.FAILURE_CONTINUE, PromptKind.FAILURE_END)),
    ("tones", N_("Tones"), (PromptKind.BEEP, PromptKind.WARNING, PromptKind.ERROR)),
)
"""What prompts are for, in the order of the page."""
BEFORE_MAX = 20
"""How many prompts that were replaced are kept for undoing; a minute's sound is two megabytes."""
_NO_FILE = N_("Choose a file first.")
_NO_TEXT = N_("Write down what the file says, in at most 500 characters and without line breaks.")
_REPLACED = N_("%(name)s: your file is used from now on.")
_RESET = N_("%(name)s: the standard prompt is used again.")
_UNDONE = N_("%(name)s: it is as it was before.")
_GONE = N_("It cannot be undone any more. Choose the file again.")


@dataclass(frozen=True)
class Wrong:
    """What was wrong with a form, and what had been typed into it."""

    anchor: str
    message: str
    text: str
    status: int = 422


@dataclass
class Before:
    """What prompts were before they were replaced, the newest last: by key, and whose they are."""

    of: OrderedDict[str, tuple[UUID, PromptAudio]] = field(default_factory=OrderedDict)

    def keep(self, organisation: UUID, prompt: PromptAudio) -> str:
        """The key that it can be put back with."""
        key = secrets.token_urlsafe(12)
        self.of[key] = organisation, prompt
        if len(self.of) > BEFORE_MAX:
            self.of.popitem(last=False)
        return key

    def find(self, organisation: UUID, key: str) -> PromptAudio | None:
        """What lies under that key, if it is that organisation's."""
        of, prompt = self.of.get(key, (None, None))
        return prompt if of == organisation else None


BEFORE = web.AppKey("before", Before)


async def show(request: web.Request) -> web.Response:
    """``GET /prompts``."""
    return await _page(request, own_organisation(request))


async def receive(request: web.Request) -> web.Response:
    """``POST /prompts/{language}/{kind}``: use a file; or the page again, with what was wrong."""
    organisation = own_organisation(request)
    kind, spoken_in = addressed(request)
    form = await upload.read_form(request, FILE_MAX_BYTES)
    before = await request.app[CONTEXT].store.read(prompts.find, organisation, kind, spoken_in)
    if wrong := await _use(request, organisation, kind, spoken_in, form):
        return await _page(request, organisation, wrong)
    raise _done(request, _REPLACED, kind, spoken_in, request.app[BEFORE].keep(organisation, before))


async def reset(request: web.Request) -> web.Response:
    """``POST /prompts/{language}/{kind}/reset``: back to the shipped one."""
    organisation, context = own_organisation(request), request.app[CONTEXT]
    kind, spoken_in = addressed(request)
    before = await context.store.read(prompts.find, organisation, kind, spoken_in)
    await context.store.write(prompts.reset, request[ACTOR], organisation, kind, spoken_in, context.now())
    key = request.app[BEFORE].keep(organisation, before) if before.own else ""
    raise _done(request, _RESET, kind, spoken_in, key)


async def undo(request: web.Request) -> web.Response:
    """``POST /prompts/{language}/{kind}/undo``: what was in its place before the last change."""
    organisation, context = own_organisation(request), request.app[CONTEXT]
    kind, spoken_in = addressed(request)
    key = (await session.read_form(request)).get("key")
    before = request.app[BEFORE].find(organisation, key) if isinstance(key, str) else None
    if before is None or (before.kind, before.language) != (kind, spoken_in):
        raise Refused(404, _GONE, explanation=_GONE)
    if before.own:
        await context.store.write(
            prompts.replace, request[ACTOR], organisation, kind, spoken_in, wav=before.wav,
            duration_ms=before.duration_ms, text=before.text, file_name=before.file_name, now=context.now(),
        )  # fmt: skip
    else:
        await context.store.write(prompts.reset, request[ACTOR], organisation, kind, spoken_in, context.now())
    raise _done(request, _UNDONE, kind, spoken_in, "")


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
    now = (await request.app[CONTEXT].store.read(people.organisation_preferences, organisation)).preferences
    request[MICROPHONE] = True
    say = page.words(request).language.gettext
    values = {
        "purposes": [
            (name, say(title), [(kind, [info for info in found if info.kind is kind]) for kind in kinds])
            for name, title, kinds in PURPOSES
        ],
        "address": address,
        "anchor": lambda info: _anchor(info.kind, info.language),
        "standard": lambda info: prompts.shipped_prompt(info.kind, info.language).text,
        "tongue": lambda code: page.reader_language(request).locale.languages[code].capitalize(),
        "wrong": wrong,
        "text_max": TEXT_MAX,
        "most_bytes": FILE_MAX_BYTES,
        "most_s": LENGTH_MAX_S,
        "announced": [say(ANNOUNCE[how]) for how in (now.announce_external, now.announce_internal)],
        "spoken_in": now.language,
        "which": request.query.get("prompt"),
    }
    return await page.render(request, "prompts.html", values, status=wrong.status if wrong else 200)


def _anchor(kind: PromptKind, spoken_in: str) -> str:
    return f"{spoken_in or 'tone'}-{kind}"


def _done(
    request: web.Request, message: str, kind: PromptKind, spoken_in: str, key: str
) -> web.HTTPException:
    """On to the page, which says what was done, and how to undo it if it was kept under ``key``."""
    anchor, words = _anchor(kind, spoken_in), page.words(request)
    name = words.prompt_name(kind)
    if kind not in TONES:
        name = f"{name} ({words.language.locale.languages[spoken_in]})"
    taken_back = Undo(f"/prompts/{spoken_in or '-'}/{kind}/undo", (("key", key),)) if key else None
    return told.then(request, f"/prompts?prompt={anchor}#{anchor}", message, undo=taken_back, name=name)
