"""What pushes Acme's recordings, on a clock that is set by hand."""

from __future__ import annotations

from typing import Any

import msgspec

from ari_recorder.delivery.push import Pusher
from ari_recorder.policies.proxies import Networks
from ari_recorder.seals import Purpose, Seals, load_key
from ari_recorder.store.deliveries import pushing, secrets
from ari_recorder.store.deliveries.pushing import DayRow, TargetRow
from ari_recorder.web.administration import push_words
from ari_recorder.web.language import language

from ..office import BY, SIX, Context, Office
from .customer import LOGIN, Customer


class Push:
    """Acme's recordings, and what pushes them."""

    def __init__(self, office: Office) -> None:
        self.office = office
        webhooks = msgspec.structs.replace(
            office.settings.webhooks, allow_inside=Networks.of(["127.0.0.0/8"])
        )
        self.settings = msgspec.structs.replace(office.settings, webhooks=webhooks)
        self.restart()

    def restart(self) -> None:
        """As after a crash: what is known is in the store."""
        context = Context(self.office.world.store, self.office.world.safe, self.settings, self.office.clock)
        self.pusher = Pusher(context)

    def to(self, place: Customer, by: str = secrets.KEY, secret: str = "", **differently: Any) -> TargetRow:
        values = {
            "host": "127.0.0.1",
            "port": place.port,
            "login": LOGIN,
            "folder": "in",
            "host_key": place.host_key,
        }
        row = self.set("sftp", values | differently, secret, by)
        place.authorized = getattr(row.place, "public_key", "")
        return row

    def set(
        self, kind: str, values: dict[str, Any], secret: str = "", by: str = secrets.KEY, **more: Any
    ) -> TargetRow:
        of, store = self.office.ids["acme"], self.office.world.store
        seals = Seals(load_key(self.settings.web.key_file))
        before = store.read_now(pushing.find, of)
        settled, sealed = secrets.settled(
            kind, values, secret, before, lambda text: seals.seal(Purpose.DELIVERY, text, SIX), by=by
        )
        more = {"enabled": True, "actor": BY, "now": self.office.clock()} | more
        return store.write_now(pushing.set_target, of, kind, settled, sealed, **more)

    async def now(self) -> None:
        """Push what is due."""
        for _ in range(8):  # one day of an organisation at a time
            if not await self.pusher.step():
                return
            await self.pusher.idle()

    def report(self) -> dict[str, DayRow]:
        """By day; what went wrong is something that pages say in Swedish, too."""
        days = self.office.world.store.read_now(pushing.report, self.office.ids["acme"])
        for row in days:
            assert push_words.why(language("sv"), row.problem) != (row.problem or None), row.problem
        return {row.day: row for row in days}
