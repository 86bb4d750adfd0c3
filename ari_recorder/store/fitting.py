"""What a policy finds that cannot be, as the error that it is to who asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ari_recorder.errors import Invalid
from ari_recorder.policies.unfit import Unfit


@contextmanager
def fit() -> Iterator[None]:
    """What cannot be (`Unfit`) is an `Invalid`."""
    try:
        yield
    except Unfit as error:
        raise Invalid(error.field, error.message, **error.values) from error
