"""Real calls, replayed: what each leg was told leads to the same as when it was recorded.

If the machine was changed on purpose, record the traces anew (`python -m lab.traces`, see CONTRIBUTING.md). A
trace from somebody's report can be put into `tests/traces/reported/` as it came.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lab.cases import CASES
from lab.commanded import COMMANDED
from lab.traces import PARTS, SUFFIX, slug
from tests.policies.replay import differences

TESTS = Path(__file__).parents[1]
FOLDER = TESTS / "traces"
TRACES = sorted(FOLDER.glob("*/*.jsonl*"))


def cases(part: str) -> set[str]:
    """The names of what must have a trace."""
    if part == "demo":
        return {slug(case.name) for case in (*CASES, *COMMANDED)}
    tree = ast.parse((TESTS / f"asterisk/test_telephony_{part}.py").read_text(encoding="utf-8"))
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {slug(name) for name in functions if name.startswith("test_")}


@pytest.mark.parametrize("trace", TRACES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_what_was_told_leads_to_the_same(trace: Path) -> None:
    if differing := differences(trace):
        where = f"{trace.relative_to(TESTS.parent)}, {differing[0]}"
        pytest.fail("\n".join([where, *differing[1:]]), pytrace=False)


@pytest.mark.parametrize("part", PARTS)
def test_every_case_has_a_trace_and_every_trace_a_case(part: str) -> None:
    """One whose test has parameters has several."""
    traces = {path.name.removesuffix(SUFFIX) for path in (FOLDER / part).iterdir()}
    wanted = cases(part)
    assert {case for case in wanted if not any(trace.startswith(case) for trace in traces)} == set()
    assert {trace for trace in traces if not any(trace.startswith(case) for case in wanted)} == set()
