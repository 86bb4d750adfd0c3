"""Which endpoints are followed, and what is told of those that Asterisk does not have."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from structlog.testing import capture_logs

from ari_recorder.errors import AriRefused
from ari_recorder.handlers.directory import Directory
from ari_recorder.policies.table import Mode
from ari_recorder.store.database import Store
from lab.directory import add_user


class Asterisk:
    """An Asterisk that has none of the endpoints that it is asked for."""

    async def application(self) -> Any:
        return SimpleNamespace(endpoint_ids=[], channel_ids=[])

    async def subscribe(self, sources: list[str]) -> None:
        raise AriRefused("subscribe", ",".join(sources), 422, "not there")


async def test_endpoints_that_asterisk_does_not_have_are_told_in_one_line(tmp_path: Path) -> None:
    """Hundreds are added before their telephones are: a line for each would be all that the log shows."""
    asterisk: Any = Asterisk()
    store = Store(f"sqlite:///{tmp_path}/catalogue.db")
    for number in range(101, 113):
        store.write_now(
            add_user, name="A", number=str(number), mode=Mode.ALWAYS, endpoints=[("main", f"PJSIP/{number}")]
        )
    directory = Directory("main", asterisk, store, lambda: datetime.now(UTC))
    with capture_logs() as told:
        await directory.subscribe(set())
        await directory.retry_unknown()
    (line,) = [line for line in told if line["log_level"] == "error"]
    assert line["event"].startswith("Asterisk does not know these endpoints: their users are not recorded.")
    assert line["endpoints"].startswith("PJSIP/101, PJSIP/102, ")
    assert line["endpoints"].endswith("PJSIP/110 and 2 more")
    store.close()
