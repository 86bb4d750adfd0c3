"""The addresses of usage, ledger, evidence, legal holds, tokens, webhooks, sessions, and of organisations."""

from __future__ import annotations

from ari_recorder.policies.rights import Right
from ari_recorder.web import evidence
from ari_recorder.web.administration import (
    billing,
    customers,
    disposal_log,
    due_calls,
    erasures,
    holds,
    hooks,
    signed_in,
    token_pages,
)
from ari_recorder.web.routing import Route, page

_HOLD = holds.ADDRESS + "/{id}"
_HOOK = "/webhooks/{id}"

BOOKS: tuple[Route, ...] = (
    page("GET", "/usage", billing.show, "usage", Right.USAGE_READ, billing.TAKES),
    page("GET", "/ledger", due_calls.show, "ledger", Right.LEDGER_READ, due_calls.TAKES),
    page("GET", "/evidence", evidence.show, "evidence", Right.EVIDENCE_READ),
    page("GET", "/disposals", disposal_log.show, "disposals", Right.AUDIT_READ, disposal_log.TAKES),
    page("GET", "/tokens", token_pages.show, "tokens", Right.TOKENS, token_pages.TAKES),
    page("GET", "/tokens/new", token_pages.new, "token-new", Right.TOKENS),
    page("POST", "/tokens/new", token_pages.add, "token-new", Right.TOKENS),
    page("GET", "/tokens/{id}/revoke", token_pages.ask, "token-revoke", Right.TOKENS),
    page("POST", "/tokens/{id}/revoke", token_pages.revoke, "token-revoke", Right.TOKENS),
    page("GET", "/webhooks", hooks.show, "webhooks", Right.WEBHOOKS_WRITE, hooks.TAKES),
    page("GET", "/webhooks/new", hooks.new, "webhook-new", Right.WEBHOOKS_WRITE),
    page("POST", "/webhooks/new", hooks.add, "webhook-new", Right.WEBHOOKS_WRITE),
    page("GET", _HOOK, hooks.show_one, "webhook", Right.WEBHOOKS_WRITE, hooks.ONE_TAKES),
    page("POST", _HOOK, hooks.change, "webhook", Right.WEBHOOKS_WRITE),
    page("POST", _HOOK + "/pause", hooks.pause, "webhook-pause", Right.WEBHOOKS_WRITE),
    page("POST", _HOOK + "/resume", hooks.resume, "webhook-resume", Right.WEBHOOKS_WRITE),
    page("POST", _HOOK + "/ping", hooks.ping, "webhook-ping", Right.WEBHOOKS_WRITE),
    page("POST", _HOOK + "/again", hooks.send_again, "webhook-again", Right.WEBHOOKS_WRITE),
    page("GET", _HOOK + "/secret", hooks.ask_renewal, "webhook-secret", Right.WEBHOOKS_WRITE),
    page("POST", _HOOK + "/secret", hooks.renew, "webhook-secret", Right.WEBHOOKS_WRITE),
    page("GET", _HOOK + "/remove", hooks.ask_removal, "webhook-remove", Right.WEBHOOKS_WRITE),
    page("POST", _HOOK + "/remove", hooks.remove, "webhook-remove", Right.WEBHOOKS_WRITE),
    page("GET", "/sessions", signed_in.show, "sessions", Right.USERS_WRITE, signed_in.TAKES),
    page("POST", "/sessions/{id}/end", signed_in.end, "session-end", Right.USERS_WRITE),
    page("GET", holds.ADDRESS, holds.show, "holds", Right.HOLDS_READ, holds.TAKES),
    page("GET", holds.NEW, holds.new, "hold-new", Right.HOLDS_WRITE, holds.NEW_TAKES),
    page("POST", holds.NEW, holds.place, "hold-new", Right.HOLDS_WRITE),
    page("GET", _HOLD, holds.show_one, "hold", Right.HOLDS_READ, holds.ONE_TAKES),
    page("POST", _HOLD + "/end", holds.change_end, "hold-end", Right.HOLDS_WRITE),
    page("GET", _HOLD + "/release", holds.ask_release, "hold-release", Right.HOLDS_WRITE),
    page("POST", _HOLD + "/release", holds.release, "hold-release", Right.HOLDS_WRITE),
    page("GET", erasures.ADDRESS, erasures.show, "erasures", Right.HOLDS_READ, erasures.TAKES),
    page("GET", erasures.NEW, erasures.new, "erasure-new", Right.ERASURE),
    page("POST", erasures.NEW, erasures.preview, "erasure-new", Right.ERASURE),
    page("POST", erasures.ADDRESS, erasures.begin, "erasure-begin", Right.ERASURE),
    page(
        "GET", erasures.ADDRESS + "/{id}", erasures.show_one, "erasure", Right.HOLDS_READ, erasures.ONE_TAKES
    ),
    page("GET", "/organisations", customers.show, "organisations", Right.ORGANISATIONS, customers.LIST_TAKES),
    page("GET", "/organisations/new", customers.new, "organisation-new", Right.ORGANISATIONS),
    page("POST", "/organisations/new", customers.add, "organisation-new", Right.ORGANISATIONS),
    page(
        "GET",
        "/organisations/{id}",
        customers.one,
        "organisation-one",
        Right.ORGANISATIONS,
        customers.ONE_TAKES,
    ),
    page("POST", "/organisations/{id}", customers.change, "organisation-one", Right.ORGANISATIONS),
)
