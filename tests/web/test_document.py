"""Everything that the OpenAPI document allows, and what it does not, is asked in every role (schemathesis).

No answer is a server's error or another than the document says: status, media type, headers and shape. Few
examples of each here; more with ``SCHEMATHESIS_EXAMPLES=100``.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from ari_recorder.live import Live
from ari_recorder.policies.rights import TOKEN_RIGHTS
from ari_recorder.store import models, passwords, people, tokens
from ari_recorder.store.audit_key import made as made_key
from ari_recorder.store.database import Store
from ari_recorder.web import Part, WebContext, start
from ari_recorder.web.openapi import document
from ari_recorder.web.routes import ROUTES
from ari_recorder.web.session import COOKIE, FORM_HEADER

from ..store.build import safe_in
from .conftest import SETTINGS
from .matrix_people import ROLES, SOMEBODY, session, wav
from .test_calls import follow
from .world import NOON, QUICK, World

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "2"))
ASKERS = (*ROLES.values(), "program", "stranger")
DOCUMENT = document(ROUTES)
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
FOUND = [one.ok() for one in SCHEMA.get_all_operations() if one.ok().path != "/api/v1/live"]
OPERATIONS = {one.label: one for one in sorted(FOUND, key=lambda one: one.method == "delete")}
"""What takes away comes last; the live feed is a websocket (`test_matrix_live`)."""
ASKED = [
    (mode, label)
    for mode in GenerationMode
    for label, one in OPERATIONS.items()
    if mode is GenerationMode.POSITIVE
    or one.body
    or (any(one.iter_parameters()) and label != "GET /api/v1/evidence/keys")
]
"""What takes nothing can be asked in no wrong way; nor what anybody may ask, with any ``If-None-Match``."""
load_all_checks()
CHECKED = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    ]
)


@dataclass
class Served:
    """The application in a thread of its own, with everybody in the catalogue."""

    url: str
    askers: dict[str, requests.Session]
    ids: dict[str, str]
    """Of one thing of each kind that is there, by the first part of its address."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", QUICK)
        running = _Running(folder)
        running.start()
        assert running.ready.wait(30)
        yield Served(running.url, running.askers, running.ids)
        running.end()
        running.join(30)


class _Running(threading.Thread):
    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder = folder
        self.ready, self.loop = threading.Event(), asyncio.new_event_loop()
        self.over = asyncio.Event()

    def run(self) -> None:
        self.loop.run_until_complete(self._serve())

    def end(self) -> None:
        self.loop.call_soon_threadsafe(self.over.set)

    async def _serve(self) -> None:
        store = Store(f"sqlite:///{self.folder}/catalogue.db")
        world, live = World(store, safe_in(store, self.folder), self.folder), Live()

        async def probe() -> Part:
            return Part(True)

        context = WebContext(
            store, world.safe, SETTINGS, self.folder / "session.key", {"store": probe}, live, lambda: NOON,
            audit_key=made_key(self.folder / "audit.key").public,
        )  # fmt: skip
        server = await start(context)
        self.url = server.url.rstrip("/")
        self.askers, self.ids = _askers(world), _ids(world, live)
        self.ready.set()
        await self.over.wait()
        await server.close()
        store.close()


def _askers(world: World) -> dict[str, requests.Session]:
    """Everybody in one organisation; each of them has a recording."""
    ours = world.organisation("Ours")
    found = {name: requests.Session() for name in ASKERS}
    for role in ROLES.values():
        user = world.user(role, ours, role=role, number=str(200 + len(world.ids)))
        world.recording(user)
        secret, _, form = session(world, user)
        found[role].headers.update({"Cookie": f"{COOKIE}={secret}", FORM_HEADER: form})
    made = world.store.write_now(tokens.add, SOMEBODY, ours, None, "program", TOKEN_RIGHTS, None, NOON)
    found["program"].headers["Authorization"] = f"Bearer {made.secret}"
    return found


def _ids(world: World, live: Live) -> dict[str, str]:
    user = world.ids["user"]
    ours = world.store.read_now(lambda: models.User.get_by_id(user).organisation_id)
    group = world.store.write_now(people.add_group, ours, "Sales", actor=SOMEBODY, now=NOON).id
    token = world.store.write_now(tokens.add, SOMEBODY, ours, None, "other", TOKEN_RIGHTS, None, NOON)
    recording = world.recording(user)
    found = {"recordings": recording, "calls": follow(world, live, "user").row.id, "tokens": token.token.id}
    other = world.user("other", ours, number="300")
    found |= {"groups": group, "users": other, "organisations": ours, "sessions": session(world, user)[1]}
    return {kind: str(one) for kind, one in found.items()}


@schemathesis.serializer("audio/*")
def _as_it_is(context: object, value: object) -> bytes:
    return value if isinstance(value, bytes) else wav()


@pytest.mark.parametrize(("mode", "label"), ASKED)
def test_no_answer_is_outside_the_document(served: Served, mode: GenerationMode, label: str) -> None:
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=EXAMPLES < 10,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(OPERATIONS[label].as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        there = served.ids.get(case.path.split("/")[3])
        if there and mode is GenerationMode.POSITIVE and "id" in case.path_parameters:
            case.path_parameters["id"] = there
        for name in ASKERS:
            case.headers = {
                key: value for key, value in (case.headers or {}).items()
                if key.lower() not in ("authorization", "cookie", FORM_HEADER.lower())
            }  # fmt: skip
            case.cookies = {}
            answer = case.call(base_url=served.url, session=served.askers[name], timeout=20)
            case.validate_response(answer, checks=CHECKED)

    ask()
