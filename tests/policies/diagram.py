"""Draws the table of modes as Mermaid state diagrams, for `docs/design.md`.

``python -m tests.policies.diagram`` prints them; with a file behind it, the part of that file between
the two markers is replaced.
"""

from __future__ import annotations

from ari_recorder.policies.table import _GIVEN_UP, MAX_LOSSES, TABLE, Event, Mode, State, Step

BEGIN = "<!-- modes: made by python -m tests.policies.diagram docs/design.md -->"
END = "<!-- end of modes -->"


def diagrams() -> str:
    """Every mode as a heading and a diagram, in Markdown."""
    return "\n\n".join(f"### `{mode}`\n\n```mermaid\n{diagram(mode)}\n```" for mode in TABLE)


def diagram(mode: Mode) -> str:
    """One mode. An arrow bears the event and, behind a slash, the actions; refusals are not drawn."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.RINGING}"]
    for state, row in TABLE[mode].items():
        for event, entry in row.items():
            if isinstance(entry, Step):
                lines.append(_arrow(state, event, entry))
        if isinstance(row[Event.SEGMENT_LOST], Step):
            lines.append(_arrow(state, f"{Event.SEGMENT_LOST} ({MAX_LOSSES} in a row)", _GIVEN_UP[state]))
    return "\n".join([*lines, f"    {State.ENDED} --> [*]"])


def replaced(text: str) -> str:
    """``text`` with the diagrams between its markers. Raises `ValueError` if it has none."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the markers {BEGIN!r} and {END!r} are missing")
    return f"{before}{BEGIN}\n\n{diagrams()}\n\n{END}{after}"


def _arrow(state: State, event: str, step: Step) -> str:
    actions = ", ".join(step.actions)
    return f"    {state} --> {step.to}: {event}{' / ' if actions else ''}{actions}"


def main() -> None:
    """Print the diagrams, or rewrite the file that the command line names."""
    import sys
    from pathlib import Path

    if len(sys.argv) == 1:
        print(diagrams())
        return
    path = Path(sys.argv[1])
    path.write_text(replaced(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
