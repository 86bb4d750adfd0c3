"""What cannot be, said so that a page can say it in its reader's language."""

from __future__ import annotations

from ari_recorder.policies.text import first_acting


class Unfit(ValueError):
    """A value that cannot be: of which ``field``, and why.

    ``message`` is a sentence, with ``%(name)s`` where a value of ``values`` belongs.
    """

    def __init__(self, field: str, message: str, **values: object) -> None:
        told = message % values
        super().__init__(f"{field}: {told}" if field else told)
        self.field = field
        self.message = message
        self.values = values


def check_plain(field: str, text: str, *, lines: bool = False) -> None:
    """Raises `Unfit` for a text that is not plain (`policies.text`), and says by which character."""
    acting = first_acting(text, lines=lines)
    if acting is None:
        return
    character, position = acting
    if lines:
        raise Unfit(
            field,
            "it has a character that cannot be seen: %(character)s at position %(position)s.",
            character=character,
            position=position,
        )
    raise Unfit(
        field,
        "it has a line break, or a character that cannot be seen: %(character)s at position %(position)s.",
        character=character,
        position=position,
    )
