"""Whether calls feel what is done with a million recordings: disposal, a hold, an erasure and the rest.

    python -m bench felt

On a catalogue as `bench.year` has it forty calls at a time are recorded, first alone, and then for as long as
the deeds of `bench.year` are done one after the other beside the recorder. The gap is that of
`bench.answer_gap`: from the answer to the first recorded audio, in Asterisk's own times.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ari_recorder.store import calls, finishing, models, search_index
from ari_recorder.store.database import Store
from bench import catalogued
from bench.answer_gap import gaps_ms
from bench.catalogued import People
from bench.load import bench_lab, dial, hang_up, recorder_on
from bench.results import Result, Row, percentile
from bench.year import DEEDS, ROWS, STEP, Watch
from lab.lab import Lab
from lab.recorder import PBX, LabRecorder

CALLS = 40
"""At once."""
WAVES = 5
"""Without the deeds."""
PER_SECOND = 10.0
TALK_S = 5.0
SETTLE_S = 300.0
KEPT_DAYS = 3650
"""So that nothing is disposed of but by the deed."""


@dataclass
class Prepared:
    """A catalogue of a million recordings, and who is in it."""

    who: list[People] = field(default_factory=list)

    def __call__(self, recorder: LabRecorder) -> None:
        """Make it; the recorder has made its vault before."""
        recorder.add_users()
        recorder.start()
        recorder.stop()
        store = Store(recorder.store_url)
        try:
            self.who.append(catalogued.people(store))
            store.write_now(models.Organisation.update(retention_days=KEPT_DAYS).execute)
            catalogued.fill(store, self.who[0], ROWS)
            store.write_now(_are_in_the_vault)
            while store.write_now(search_index.take_in, STEP):
                pass
        finally:
            store.close()


async def run() -> Result:
    """Measure."""
    prepared = Prepared()
    async with bench_lab() as lab, recorder_on(lab, prepare=prepared) as (_, evidence):
        await _wave(lab, evidence.store)  # warms up
        alone_ms = [gap for _ in range(WAVES) for gap in await _wave(lab, evidence.store)]
        began_at, beside_ms = datetime.now(UTC), list[float]()
        deeds = asyncio.create_task(asyncio.to_thread(_do, evidence.store, prepared.who[0]))
        while not (deeds.done() and beside_ms):
            beside_ms += await _wave(lab, evidence.store)
        seconds = await deeds
        late = await evidence.store.read(_with_problems, began_at)
    row: Row = {"rows": ROWS, "calls": len(alone_ms), **_spread("gap", alone_ms)}
    row |= {"calls_beside": len(beside_ms), **_spread("gap_beside", beside_ms), "with_problems": late}
    return Result("Calls while a million recordings are kept", row | seconds)


def _are_in_the_vault() -> None:
    """Where nobody looks for them here; without it the recorder misses their disk."""
    vault = models.VaultPlace.get()
    models.Recording.update(vault=vault.id).execute()


def _spread(name: str, gaps: list[float]) -> Row:
    return {
        f"{name}_median_ms": round(percentile(gaps, 50), 1),
        f"{name}_p99_ms": round(percentile(gaps, 99), 1),
    }


def _do(store: Store, who: People) -> Row:
    """Each deed; how long it took (s)."""
    found: Row = {}
    for what, deed in DEEDS.items():
        began_at = datetime.now(UTC)
        deed(Watch(store), who)
        found[f"{what}_s"] = round((datetime.now(UTC) - began_at).total_seconds(), 1)
    return found


async def _wave(lab: Lab, store: Store) -> list[float]:
    """Have the calls; the gaps of their recordings, once all is finished."""
    began_at = datetime.now(UTC)
    talking = await dial(lab, "106", CALLS, PER_SECOND)
    await asyncio.sleep(TALK_S)
    await hang_up(talking)
    await lab.idle()
    async with asyncio.timeout(SETTLE_S):
        while await store.read(_unfinished):  # noqa: ASYNC110 -- another process
            await asyncio.sleep(0.1)
    return list((await store.read(gaps_ms, began_at)).values())


def _unfinished() -> bool:
    return bool(calls.open_legs(PBX) or finishing.waiting().count)


def _with_problems(since: datetime) -> int:
    found = (models.Recording.started_at >= since) & (models.Recording.problems != "")
    return int(models.Recording.select().where(found).count())
