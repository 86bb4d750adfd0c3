"""The API of preferences: announcements, codes, the warning tone, what a failure does."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from ari_recorder.policies.preferences import LANGUAGES, Announce, HeardBy, OnFailure
from ari_recorder.policies.rights import Right
from ari_recorder.store import people
from ari_recorder.store.preferences import Shown
from ari_recorder.web.context import CONTEXT, changed_by, own_organisation
from ari_recorder.web.editing import guard
from ari_recorder.web.routing import operation, path_id

_OF_ALL = "/api/v1/preferences"
_OF_USER = "/api/v1/users/{id}/preferences"

Code = Annotated[str, Meta(pattern="^[0-9*#]{2,8}$")]


class Codes(msgspec.Struct, forbid_unknown_fields=True):
    """The DTMF code of each command."""

    start: Code
    stop: Code
    pause: Code
    resume: Code


class Preferences(msgspec.Struct):
    """What holds for the next call, and of each where it comes from."""

    language: str
    announce_internal: Announce
    announce_external: Announce
    heard_by: HeardBy
    warning_tone_s: int
    """Seconds between two warning tones; 0 is none."""
    on_failure: OnFailure
    codes: Codes
    origins: dict[str, str]
    """Of each of them `default`, `organisation` or `user`."""


class ChangedPreferences(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be set; what is left out stays, and null takes back what was set here."""

    language: Annotated[str, Meta(pattern=f"^({'|'.join(LANGUAGES)})$")] | UnsetType | None = UNSET
    announce_internal: Announce | UnsetType | None = UNSET
    announce_external: Announce | UnsetType | None = UNSET
    heard_by: HeardBy | UnsetType | None = UNSET
    warning_tone_s: Annotated[int, Meta(ge=0, le=1800)] | UnsetType | None = UNSET
    """0 for none, or 10 to 1800."""
    on_failure: OnFailure | UnsetType | None = UNSET
    codes: Codes | UnsetType | None = UNSET


@operation("GET", _OF_ALL, need=Right.ORGANISATION_READ)
async def preferences(request: web.Request) -> Preferences:
    """What holds for everybody of the organisation who has set nothing else."""
    found = await request.app[CONTEXT].store.read(people.organisation_preferences, own_organisation(request))
    return preferences_json(found)


@operation("PATCH", _OF_ALL, need=Right.ORGANISATION_WRITE, problems=(412, 422), guarded=True)
async def change_preferences(request: web.Request, body: ChangedPreferences) -> Preferences:
    """Set preferences for the organisation: from the next call on."""
    return preferences_json(
        await request.app[CONTEXT].store.write(
            people.change_organisation_preferences, own_organisation(request), _given(body),
            check=guard(request, preferences_json), **changed_by(request),
        )
    )  # fmt: skip


@operation("GET", _OF_USER, need=Right.USERS_READ, problems=(404,))
async def user_preferences(request: web.Request) -> Preferences:
    """What is in effect for a user's next call."""
    return preferences_json(
        await request.app[CONTEXT].store.read(
            people.user_preferences, own_organisation(request), path_id(request)
        )
    )


@operation("PATCH", _OF_USER, need=Right.USERS_WRITE, problems=(404, 412, 422), guarded=True)
async def change_user_preferences(request: web.Request, body: ChangedPreferences) -> Preferences:
    """Set preferences of a user, where they differ from the organisation's: from the next call on."""
    return preferences_json(
        await request.app[CONTEXT].store.write(
            people.change_user_preferences, own_organisation(request), path_id(request), _given(body),
            check=guard(request, preferences_json), **changed_by(request),
        )
    )  # fmt: skip


def preferences_json(shown: Shown) -> Preferences:
    """Preferences as the API shows them."""
    values: dict[str, Any] = msgspec.to_builtins(shown.preferences)
    return msgspec.convert({**values, "origins": dict(shown.origins)}, Preferences)


def _given(body: ChangedPreferences) -> dict[str, Any]:
    """Without what was left out."""
    given: dict[str, Any] = msgspec.to_builtins(body)
    return given
