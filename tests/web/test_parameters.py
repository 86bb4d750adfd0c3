"""Bad input that is made for every route: parameters nobody knows or given twice, and forms of others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ari_recorder.web.given import parameters
from ari_recorder.web.routes import ROUTES

from .matrix_people import Asker, Stage, subjects
from .matrix_service import Matrix, matrix
from .matrix_table import EVERYBODY, LINES
from .test_matrix import filled

__all__ = ["matrix"]
pytestmark = pytest.mark.asyncio(loop_scope="module")
BY_NAME = {f"{route.method} {route.path}": route for route in ROUTES}
TWICE = [
    (name, parameter)
    for name, route in BY_NAME.items()
    for parameter in (parameters(route.query) if route.query else route.takes)
]
CHANGING = [name for name, route in BY_NAME.items() if route.method != "GET"]
NO_FORM = ("", "x", "x" * 1000, "\u00e5", "%00")


def _who(matrix: Matrix, name: str) -> Asker:
    """Somebody who may."""
    letters = LINES[name].people or EVERYBODY
    return next(one for one in matrix.cast.askers if one.stage is Stage.IN and one.letter in letters)


def _path(matrix: Matrix, name: str, who: Asker) -> str:
    _, given = next(iter(subjects(LINES[name].about, matrix.cast, who)))
    return filled(BY_NAME[name].path, given)


async def _is_refused(matrix: Matrix, name: str, query: str) -> None:
    who, route = _who(matrix, name), BY_NAME[name]
    outcome, body = await matrix.ask(route.method, _path(matrix, name, who) + query, who, LINES[name].sent)
    assert outcome == "400", body[:300]
    assert matrix.now() == matrix.before


@pytest.mark.parametrize("name", BY_NAME)
async def test_a_parameter_that_nobody_knows(matrix: Matrix, name: str) -> None:
    await _is_refused(matrix, name, "?nonsense=1")


@pytest.mark.parametrize(("name", "parameter"), TWICE)
async def test_a_parameter_that_is_there_twice(matrix: Matrix, name: str, parameter: str) -> None:
    await _is_refused(matrix, name, f"?{parameter}=1&{parameter}=1")


def _forged(matrix: Matrix, who: Asker) -> Iterator[Asker]:
    """With no form token, with nonsense, with a stranger's, and with that of another session of theirs."""
    others = next(one for one in matrix.cast.askers if one.stage is Stage.IN and one.user != who.user)
    for form in (*NO_FORM, matrix.form[1], others.form, who.form[:-1]):
        yield replace(who, form=form)


@pytest.mark.parametrize("name", CHANGING)
async def test_a_form_of_others_changes_nothing(matrix: Matrix, name: str) -> None:
    who, line = _who(matrix, name), LINES[name]
    path, method = _path(matrix, name, who), BY_NAME[name].method
    for forged in _forged(matrix, who):
        outcome, _ = await matrix.ask(method, path, forged, line.sent)
        assert outcome == "403", forged.form[:40]
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert (await matrix.ask(method, path, who, line.sent, cross))[0] == "403", "another site's page"
    assert matrix.now() == matrix.before


async def test_a_cookie_that_is_not_quite_ours(matrix: Matrix) -> None:
    who = _who(matrix, "GET /")
    for secret in (who.secret[:-1], who.secret + "0", who.secret.upper(), "", "x" * 300, f'"{who.secret}x"'):
        assert (await matrix.ask("GET", "/", replace(who, secret=secret)))[0] == "303 /sign-in", secret
        assert (await matrix.ask("GET", "/api/v1/me", replace(who, secret=secret)))[0] == "401", secret


async def test_a_token_that_is_not_quite_ours(matrix: Matrix) -> None:
    program = next(one for one in matrix.cast.askers if one.name == "program, token")
    secret = program.secret
    assert (await matrix.ask("GET", "/api/v1/me", program))[0] == "200"
    for wrong in (
        secret[:-1],
        secret + "0",
        secret.swapcase(),
        secret.removeprefix("ari_"),
        "ari_",
        "x" * 5000,
    ):
        assert (await matrix.ask("GET", "/api/v1/me", replace(program, secret=wrong)))[0] == "401", wrong[:60]
