"""Every address, and the application made of them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from aiohttp import web
from aiohttp_session import session_middleware

from ari_recorder.web import (
    api,
    calls,
    calls_page,
    health,
    page,
    pages,
    places,
    prompts,
    prompts_page,
    signin,
)
from ari_recorder.web.context import CONTEXT, WebContext
from ari_recorder.web.gate import gate
from ari_recorder.web.places import DOWNLOADS, FEEDS, Feeds, Places
from ari_recorder.web.problems import errors
from ari_recorder.web.security import add_headers
from ari_recorder.web.session import SessionCookie, load_key

BODY_MAX_BYTES = 64 * 1024
_V1 = "/api/v1/recordings"
_CALLS = "/api/v1/calls"
_PROMPTS = "/api/v1/prompts"
_PROMPT = "/{language}/{kind}"

ROUTES = (
    web.get("/", pages.recordings, name="recordings"),
    web.get("/recordings/{id}", pages.recording, name="recording"),
    web.get("/calls", calls_page.show, name="calls"),
    web.post("/calls/{id}", calls_page.annotate, name="calls-annotate"),
    web.post("/calls/{id}/{command:start|stop|pause|resume}", calls_page.command, name="calls-command"),
    web.get("/sign-in", signin.show, name="signin"),
    web.post("/sign-in", signin.sign_in, name="signin"),
    web.post("/sign-out", signin.sign_out, name="signout"),
    web.get(_V1, api.recordings, name="api-recordings"),
    web.get(_V1 + "/{id}", api.recording, name="api-recording"),
    web.get(_V1 + "/{id}/audio", api.recording_audio, name="api-audio"),
    web.get(_V1 + "/{id}/waveform", api.waveform, name="api-waveform"),
    web.get(_V1 + "/{id}/timeline", api.timeline, name="api-timeline"),
    web.get(_CALLS + "/live", calls.live, name="api-calls-live"),
    web.post(_CALLS + "/{id}/{command:start|stop|pause|resume}", calls.command, name="api-command"),
    web.patch(_CALLS + "/{id}", calls.annotate, name="api-annotate"),
    web.get("/api/v1/live", calls.feed, name="api-live"),
    web.get("/prompts", prompts_page.show, name="prompts"),
    web.post("/prompts" + _PROMPT, prompts_page.receive, name="prompt-upload"),
    web.post("/prompts" + _PROMPT + "/reset", prompts_page.reset, name="prompt-reset"),
    web.get(_PROMPTS, prompts.listed, name="api-prompts"),
    web.put(_PROMPTS + _PROMPT, prompts.put, name="api-prompt"),
    web.delete(_PROMPTS + _PROMPT, prompts.delete, name="api-prompt"),
    web.get(_PROMPTS + _PROMPT + "/audio", prompts.prompt_audio, name="api-prompt-audio"),
    web.get("/healthz", health.healthz, name="healthz"),
    web.get("/readyz", health.readyz, name="readyz"),
    web.get("/metrics", health.metrics, name="metrics"),
    web.get("/static/{path:.+}", page.send_static, name="static"),
)


def create_app(context: WebContext) -> web.Application:
    """The application. Raises `SettingsError` when the session key can be neither read nor made."""
    lifetime = timedelta(hours=context.settings.session_hours)
    cookie = SessionCookie(load_key(context.key_file), lifetime)
    app = web.Application(
        middlewares=[errors, session_middleware(cookie), gate], client_max_size=BODY_MAX_BYTES
    )
    app[CONTEXT] = context
    app[FEEDS] = Feeds("live feeds", context.settings.connections_max // 2, places.FEEDS_EACH)
    app[DOWNLOADS] = Places("downloads", context.settings.connections_max // 4, places.DOWNLOADS_EACH)
    app[health.HEALTH] = health.Health(context.probes)
    app[signin.ATTEMPTS] = signin.Attempts()
    app[prompts.CONVERTING] = asyncio.Semaphore(1)
    app.add_routes(ROUTES)
    app.on_response_prepare.append(add_headers)
    return app
