"""Every address, and the application made of them."""

from __future__ import annotations

import asyncio

from aiohttp import web

from ari_recorder.policies.rights import Right
from ari_recorder.web import (
    account_page,
    api,
    api_page,
    audit_api,
    audit_page,
    auditing,
    bulk,
    bulk_holds,
    bulk_removal,
    calls,
    calls_page,
    content,
    delivery,
    disposing,
    documentation,
    enrolment,
    erasures,
    evidence,
    exchange,
    export,
    factors,
    groups,
    health,
    holds,
    ledger,
    listening,
    me,
    organisations,
    pages,
    places,
    preferences,
    prompts,
    prompts_page,
    recording_page,
    remembered,
    removing,
    searches,
    searches_page,
    second_step,
    sessions,
    signin,
    tab,
    tokens,
    told,
    usage,
    users,
    webhooks,
)
from ari_recorder.web import page as html
from ari_recorder.web.administration.book_routes import BOOKS
from ari_recorder.web.administration.imports import IMPORTS, Imports, importing
from ari_recorder.web.administration.routes import ADMINISTRATION
from ari_recorder.web.attempts import Attempts, Hashing
from ari_recorder.web.client import add_hsts, arrivals
from ari_recorder.web.context import CONTEXT, WebContext
from ari_recorder.web.editing import tidying
from ari_recorder.web.gate import NEEDS, gate
from ari_recorder.web.language import N_
from ari_recorder.web.limiting import LIMITS, Limits
from ari_recorder.web.noted import NOTED, Noted
from ari_recorder.web.places import DOWNLOADS, FEEDS, Feeds, Places
from ari_recorder.web.problems import errors
from ari_recorder.web.routing import Open, Route, page, served
from ari_recorder.web.seals import SEALS, Seals, load_key
from ari_recorder.web.security import add_headers
from ari_recorder.web.watch import watching

BODY_MAX_BYTES = 64 * 1024
_PROMPT = "/{language}/{kind}"
_STEP = "/sign-in/second-factor"
_FACTOR = "/account/second-factor"
_COMMAND = "{command:start|stop|pause|resume}"

SETTINGS: tuple[Route, ...] = (
    users.users,
    users.add_user,
    exchange.export_users,
    exchange.import_users,
    users.user,
    users.change_user,
    users.remove_user,
    users.activations,
    preferences.user_preferences,
    preferences.change_user_preferences,
    groups.groups,
    groups.add_group,
    groups.group,
    groups.rename_group,
    groups.remove_group,
    groups.add_members,
    groups.add_member,
    groups.remove_member,
    groups.set_supervisor,
    groups.remove_supervisor,
    preferences.preferences,
    preferences.change_preferences,
    organisations.organisation,
    organisations.change_organisation,
    organisations.organisations,
    organisations.add_organisation,
    organisations.one_organisation,
    *usage.OPERATIONS,
    organisations.change_one_organisation,
    *delivery.OPERATIONS,
    ledger.ledger,
)
"""Of users, groups and organisations."""
ROUTES: tuple[Route, ...] = (
    page("GET", "/", pages.recordings, "recordings", Open.SIGNED_IN, pages.TAKES),
    page("POST", "/recordings/mark", bulk.mark, "recordings-mark", Right.RECORDINGS_ANNOTATE),
    page("POST", "/recordings/export", bulk.export_chosen, "recordings-export", Right.RECORDINGS_READ),
    page("POST", "/recordings/chosen/hold", bulk_holds.hold, "recordings-hold", Right.HOLDS_WRITE),
    page("POST", "/recordings/chosen/remove", bulk_removal.choose, "chosen-remove", Right.RECORDINGS_DELETE),
    page(
        "GET",
        bulk_removal.ADDRESS,
        bulk_removal.confirm,
        "recordings-remove",
        Right.RECORDINGS_DELETE,
        bulk_removal.TAKES,
    ),
    page("POST", bulk_removal.ADDRESS, bulk_removal.remove, "recordings-remove", Right.RECORDINGS_DELETE),
    page("GET", "/searches", searches_page.show, "searches", Right.RECORDINGS_READ, searches_page.TAKES),
    page("POST", "/searches", searches_page.save, "search-save", Right.RECORDINGS_READ),
    page("POST", "/searches/{id}", searches_page.rename, "search-rename", Right.RECORDINGS_READ),
    page("POST", "/searches/{id}/remove", searches_page.remove, "search-remove", Right.RECORDINGS_READ),
    page(
        "GET",
        "/recordings/{id}",
        recording_page.show,
        "recording",
        Right.RECORDINGS_READ,
        recording_page.TAKES,
    ),
    page(
        "POST", "/recordings/{id}", recording_page.annotate, "recording-annotate", Right.RECORDINGS_ANNOTATE
    ),
    page("GET", "/recordings/{id}/remove", removing.confirm, "recording-remove", Right.RECORDINGS_DELETE),
    page("POST", "/recordings/{id}/remove", removing.remove, "recording-remove", Right.RECORDINGS_DELETE),
    page("GET", "/calls", calls_page.show, "calls", Right.CALLS_READ, calls_page.TAKES),
    page("GET", "/call", calls_page.show_window, "call-window", Right.CALLS_READ, calls_page.TAKES),
    page("GET", "/call.webmanifest", tab.manifest, "call-manifest", Open.PUBLIC),
    page("POST", "/calls/{id}", calls_page.annotate, "calls-annotate", Right.RECORDINGS_ANNOTATE),
    page("POST", f"/calls/{{id}}/{_COMMAND}", calls_page.command, "calls-command", Right.CALLS_COMMAND),
    page("GET", "/sign-in", signin.show, "signin", Open.PUBLIC, ("next",)),
    page("POST", "/sign-in", signin.sign_in, "signin", Open.PUBLIC),
    page("POST", "/sign-out", signin.sign_out, "signout", Open.HALFWAY),
    page("GET", _STEP, second_step.show, "second-step", Open.HALFWAY, ("next",)),
    page("POST", _STEP, second_step.give_code, "second-step", Open.HALFWAY, ("next",)),
    page("POST", _STEP + "/passkey/options", second_step.passkey_options, "step-options", Open.HALFWAY),
    page("POST", _STEP + "/passkey", second_step.give_passkey, "step-passkey", Open.HALFWAY),
    page("GET", "/account", account_page.show, "account", Open.PERSON, ("done",)),
    page("POST", "/account/password", account_page.change_password, "own-password", Open.PERSON),
    page("POST", "/account/sessions/end-others", account_page.end_others, "end-others", Open.PERSON),
    page("POST", "/account/sessions/{id}/end", account_page.end_session, "end-session", Open.PERSON),
    page("POST", _FACTOR + "/app", enrolment.begin_app, "factor-app", Open.HALFWAY),
    page("POST", _FACTOR + "/app/confirm", enrolment.confirm_app, "factor-app-confirm", Open.HALFWAY),
    page("POST", _FACTOR + "/passkey/options", enrolment.passkey_options, "factor-options", Open.HALFWAY),
    page("POST", _FACTOR + "/passkey", enrolment.add_passkey, "factor-passkey", Open.HALFWAY),
    page("POST", _FACTOR + "/codes", account_page.renew_codes, "factor-codes", Open.PERSON),
    page("POST", _FACTOR + "/{id}/remove", account_page.remove_factor, "factor-remove", Open.PERSON),
    sessions.own_sessions,
    sessions.end_session,
    sessions.end_other_sessions,
    sessions.own_password,
    api.recordings,
    export.recordings_csv,
    bulk.mark_recordings,
    bulk_holds.hold_recordings,
    bulk_removal.remove_recordings,
    *searches.OPERATIONS,
    *holds.OPERATIONS,
    *erasures.OPERATIONS,
    api.recording,
    api.annotate_recording,
    disposing.remove_recording,
    api.annotation_history,
    api.recording_audio,
    evidence.recording_evidence,
    evidence.evidence,
    evidence.recording_proof,
    evidence.evidence_keys,
    api.waveform,
    api.timeline,
    calls.live_calls,
    calls.give_command,
    calls.call_annotations,
    calls.annotate_call,
    calls.live_feed,
    page("GET", "/prompts", prompts_page.show, "prompts", Right.PROMPTS_READ, prompts_page.TAKES),
    page("POST", "/prompts" + _PROMPT, prompts_page.receive, "prompt-upload", Right.PROMPTS_WRITE),
    page("POST", "/prompts" + _PROMPT + "/reset", prompts_page.reset, "prompt-reset", Right.PROMPTS_WRITE),
    page("POST", "/prompts" + _PROMPT + "/undo", prompts_page.undo, "prompt-undo", Right.PROMPTS_WRITE),
    prompts.list_prompts,
    prompts.one_prompt,
    prompts.put_prompt,
    prompts.reset_prompt,
    prompts.prompt_audio,
    tokens.list_tokens,
    tokens.one_token,
    tokens.add_token,
    tokens.revoke_token,
    *webhooks.OPERATIONS,
    me.me,
    *audit_api.OPERATIONS,
    *disposing.OPERATIONS,
    page("GET", "/audit", audit_page.show, "audit", Right.AUDIT_READ, audit_page.TAKES),
    *ADMINISTRATION,
    *BOOKS,
    *SETTINGS,
    documentation.openapi,
    page("GET", "/api", api_page.show, "api", Open.PUBLIC),
    page("GET", "/healthz", health.healthz, "healthz", Open.PUBLIC),
    page("GET", "/readyz", health.readyz, "readyz", Open.PUBLIC),
    page("GET", "/metrics", health.metrics, "metrics", Open.PUBLIC),
    page("GET", "/static/{path:.+}", html.send_static, "static", Open.PUBLIC, ("v",)),
)
"""Every address: one that is not here is not served, and one without its need cannot be written."""


def create_app(context: WebContext) -> web.Application:
    """The application. Raises `SettingsError` when the session key can be neither read nor made."""
    seals = Seals(load_key(context.key_file))
    app = web.Application(
        middlewares=[errors, arrivals(context.settings), auditing.denials, gate],
        client_max_size=BODY_MAX_BYTES,
    )
    app[CONTEXT] = context
    app[FEEDS] = Feeds(N_("live feeds"), context.settings.connections_max // 2, places.FEEDS_EACH)
    app[DOWNLOADS] = Places(N_("downloads"), context.settings.connections_max // 4, places.DOWNLOADS_EACH)
    app[content.THREADS] = content.threads()
    app[auditing.DENIALS] = auditing.Denials()
    app[listening.PLAYBACKS] = listening.Playbacks()
    app[health.HEALTH] = health.Health(context.probes, context.counters)
    app[SEALS] = seals
    app[signin.ATTEMPTS] = Attempts()
    app[signin.FORMS] = asyncio.Semaphore(signin.FORMS_MAX)
    app[signin.PREPARING] = asyncio.Semaphore(1)
    app[signin.HASHING] = Hashing()
    app[factors.CHALLENGES] = factors.Challenges()
    app[prompts_page.BEFORE] = prompts_page.Before()
    app[prompts.CONVERTING] = asyncio.Semaphore(1)
    app[documentation.ROUTES] = ROUTES
    app[NEEDS] = {(route.name, route.method): route.need for route in ROUTES}
    app[LIMITS] = Limits(context.settings, lambda: context.now().timestamp())
    app[NOTED] = Noted()
    app[remembered.REMEMBERED] = remembered.Remembered()
    app[told.KEPT] = told.Kept()
    app[IMPORTS] = Imports()
    app.cleanup_ctx.extend((watching, tidying, importing))
    app.add_routes(map(_added, ROUTES))
    app.on_response_prepare.extend((add_headers, add_hsts))
    return app


def _added(route: Route) -> web.RouteDef:
    """As aiohttp takes it: HEAD works wherever GET does."""
    if route.method == "GET":
        return web.get(route.path, served(route), name=route.name)
    return web.route(route.method, route.path, served(route), name=route.name)
