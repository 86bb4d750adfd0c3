"""What cannot be, said so that a page can say it in its reader's language."""

from __future__ import annotations


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
