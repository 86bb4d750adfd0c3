"""How long files become that are made into another format: each is made once to know it.

Clients of SFTP compare what they have fetched with the size that they were told, and go on from there after a
broken connection; no format but WAV tells it beforehand. So a file is offered once its size is known, and the
SHA-256 of what it becomes stands in the manifest. It is made of recordings as they come, at low priority, so
that those of a day are known long before its folder opens.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from ari_recorder.delivery.needed import Needed
from ari_recorder.delivery.reading import Threads, measured
from ari_recorder.errors import KeyMissing, NotFound, VaultAway, VaultError
from ari_recorder.media.jobs import AudioFormat
from ari_recorder.media.kinds import media_types_of
from ari_recorder.policies import delivery
from ari_recorder.store import catalogue
from ari_recorder.store.deliveries import accounts, view
from ari_recorder.store.deliveries.view import Made, Terms

EVERY_S = 5.0
"""How often it is looked for new ones."""
NEEDED = timedelta(days=10)
"""How long what was found out is kept: longer than any day is in the view."""
FORGOTTEN_AT_ONCE = 500
BATCH = 20

_log = structlog.get_logger(__name__)


async def run(context: Needed) -> None:
    """For ever. Raises `StoreError`, `VaultError` where it cannot go on at the moment."""
    threads = Threads()
    while True:
        if not await measure(context, threads):
            if await context.store.read(view.has_made_before, context.now() - NEEDED):
                old = context.now() - NEEDED
                await context.store.write(view.forget_made_before, old, FORGOTTEN_AT_ONCE)
            await asyncio.sleep(EVERY_S)


async def measure(context: Needed, threads: Threads) -> int:
    """A few of what is not known; returns how many."""
    done = 0
    for organisation, zone, _ in await context.store.read(accounts.made_into):
        terms = await context.store.read(view.terms, organisation)
        if terms is None or not terms.form:
            continue
        from ari_recorder.media.convert import MADE_BY  # what codes audio is not needed before

        now, place = context.now(), ZoneInfo(zone)
        first = min(delivery.open_days(now, place), default=now.astimezone(place).date())
        begins, _ = delivery.span(first, place)
        ends = now + timedelta(days=1)
        kept_so = media_types_of(terms.form)
        unmade = await context.store.read(view.unmade, terms, begins, ends, MADE_BY, kept_so, now, BATCH)
        for recording in unmade:
            await _measure_one(context, terms, recording, threads)
        done += len(unmade)
    return done


async def _measure_one(context: Needed, terms: Terms, recording: UUID, threads: Threads) -> None:
    from ari_recorder.media.convert import MADE_BY

    form: AudioFormat = terms.form  # type: ignore[assignment]
    try:
        row = await context.store.read(catalogue.heard, terms.scope, recording)
        made = await measured(context.safe, row, form, threads)
    except NotFound:
        return  # disposed of meanwhile
    except (KeyMissing, VaultAway):
        raise  # nothing of this recording's own
    except VaultError as error:
        _log.error("a recording cannot be delivered", recording=str(recording), form=form, error=str(error))
        made = Made(None, "", str(error)[:500])
    await context.store.write(view.keep_made, recording, form, MADE_BY, made, context.now())
