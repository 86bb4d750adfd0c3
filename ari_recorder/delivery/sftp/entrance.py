"""Who is let in: a key of an account, or its password where passwords are allowed. Who fails waits longer."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from asyncssh import DISC_BY_APPLICATION, DISC_TOO_MANY_CONNECTIONS, SSHKey, SSHServer

from ari_recorder.errors import StoreError
from ari_recorder.policies.slowdown import origin
from ari_recorder.store import passwords
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.deliveries import accounts
from ari_recorder.store.deliveries.accounts import Account

if TYPE_CHECKING:
    from ari_recorder.delivery.sftp.service import Service

OFFERS_MAX = 12
"""Keys and passwords that may be tried in a connection: agents offer all that they have."""
LOGIN_MAX = 200

_log = structlog.get_logger(__name__)


class Entrance(SSHServer):
    """One connection, until somebody is let in, and while they are."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._account: Account | None = None
        self._login, self._username = "", ""
        self._offers = 0
        self._key: UUID | None = None
        self._let_in = False
        self.address = ""

    def connection_made(self, conn: Any) -> None:
        """Somebody has come: who failed too often, or is one too many, is sent away at once."""
        self._connection = conn
        self.address = (conn.get_extra_info("peername") or ("",))[0]
        if not self._service.has_come(self):
            conn.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone."""
        self._service.has_gone(self)
        if self._offers and not self._let_in:
            self._service.failed(self.address, self._login)

    async def begin_auth(self, username: str) -> bool:
        """Look the account up. Somebody always has to show what they have."""
        self._login, self._username = username[:LOGIN_MAX], username
        try:
            self._account = await self._service.context.store.read(accounts.account, username)
        except StoreError as error:
            _log.error("nobody can come in by SFTP", error=str(error))
            self._account = None
        return True

    def public_key_auth_supported(self) -> bool:
        """Always."""
        return True

    def validate_public_key(self, username: str, key: SSHKey) -> bool:
        """Whether the key is one of the account's; that it is theirs is then shown by a signature."""
        if not self._may_offer():
            return False
        offered = base64.b64encode(key.public_data).decode()
        for known, text in self._account.keys if self._is_about(username) and self._account else ():
            if text.partition(" ")[2] == offered:
                self._key = known
                return True
        return False

    def password_auth_supported(self) -> bool:
        """Only where the settings say so."""
        return self._service.settings.passwords

    async def validate_password(self, username: str, password: str) -> bool:
        """Whether it is the account's; takes as long for one that there is not."""
        if not self._service.settings.passwords or not self._may_offer():
            return False
        stored = self._account.password_hash if self._is_about(username) and self._account else None
        async with self._service.hashing:
            matches = await asyncio.to_thread(passwords.matches, stored, password)
        if matches:
            self._key = None
        return matches

    def auth_completed(self) -> None:
        """They are let in, if there is room."""
        account = self._account
        assert account is not None, "nobody is let in without an account"
        self._let_in = True
        self._service.came_in(self.address)
        actor = Actor(
            ActorKind.SFTP, str(self._key or account.organisation), account.login, account.organisation,
            self.address,
        )  # fmt: skip
        if why := self._service.let_in(self, self._connection, account, self._key, actor):
            _log.warning("an SFTP session is refused", login=account.login, address=self.address, why=why)
            self._connection.disconnect(DISC_TOO_MANY_CONNECTIONS, why)

    @property
    def origin(self) -> str:
        """Where they come from, as it is counted."""
        return origin(self.address)

    @property
    def is_let_in(self) -> bool:
        """Whether they are."""
        return self._let_in

    def _is_about(self, username: str) -> bool:
        return self._account is not None and self._username == username

    def _may_offer(self) -> bool:
        self._offers += 1
        if self._offers > 2 * OFFERS_MAX:  # each key is offered, and then signed with
            self._connection.disconnect(DISC_BY_APPLICATION, "too many keys or passwords were tried")
            return False
        return True
