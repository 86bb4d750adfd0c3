"""The API of delivery: the account of the SFTP service, and where recordings are pushed to.

Who may fetch everybody's recordings is decided by people: no token opens an account or names a place.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from aiohttp import web
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from msgspec import UNSET, Meta, UnsetType

from ari_recorder.config import Sftp
from ari_recorder.errors import NotFound
from ari_recorder.policies import targets
from ari_recorder.policies.rights import Right
from ari_recorder.policies.ssh_keys import public_key
from ari_recorder.seals import Purpose
from ari_recorder.store import passwords
from ari_recorder.store.deliveries import accounts, pushing, secrets
from ari_recorder.store.deliveries.accounts import DeliveryRow, KeyRow
from ari_recorder.store.deliveries.pushing import DayRow, TargetRow
from ari_recorder.web.context import CONTEXT, changed_by, own_organisation
from ari_recorder.web.editing import create, guard
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import Route, operation, path_id
from ari_recorder.web.seals import SEALS
from ari_recorder.web.shapes import Id, Time, time, time_or_none

_DELIVERY = "/api/v1/delivery"
_KEYS = f"{_DELIVERY}/keys"
_TARGET = f"{_DELIVERY}/target"
FETCHED_WITHIN = timedelta(days=7)
GROUPS_MAX = 1000

Form = Literal["", "opus", "flac", "wav"]


class DeliveryGroup(msgspec.Struct):
    """A group whose members' recordings are handed over."""

    id: UUID
    name: str


class DeliveryKey(msgspec.Struct):
    """A public key that opens the account."""

    id: Id
    name: str
    key: str
    """Kind and key, as in `authorized_keys`."""
    fingerprint: str
    created_at: Time
    created_by: str
    seen_at: Time | None
    """When somebody last came in with it."""


class DeliverySettings(msgspec.Struct):
    """How the organisation's recordings are handed over."""

    form: Form
    """What files are made into; empty: as they are kept."""
    everybody: bool
    """Whether everybody's recordings are, or those of the members of `groups`."""
    groups: list[DeliveryGroup]
    login: str | None
    """Of the account of the SFTP service; null: there is none."""
    has_password: bool
    acknowledges: bool
    """Whether who has fetched a file takes it out of the view by deleting it."""
    keys: list[DeliveryKey]


class ChangedDelivery(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be changed; what is left out stays."""

    form: Form | UnsetType = UNSET
    everybody: bool | UnsetType = UNSET
    groups: Annotated[list[UUID], Meta(max_length=GROUPS_MAX)] | UnsetType = UNSET
    login: str | UnsetType | None = UNSET
    """Null closes the account."""
    password: str | UnsetType | None = UNSET
    """Null takes it away. Only where the service takes passwords (`sftp.passwords`)."""
    acknowledges: bool | UnsetType = UNSET


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    """A public key to be let in."""

    key: Annotated[str, Meta(max_length=4000, description="The line of a `.pub` file.")]
    name: Annotated[str, Meta(max_length=accounts.KEY_NAME_MAX)] = ""
    """What it is for; left out, what stands behind the key."""


class Target(msgspec.Struct):
    """Where recordings are pushed to; fields of the other kind are empty. The secret is not shown."""

    kind: Literal["sftp", "s3"]
    enabled: bool
    has_secret: bool
    host: str = ""
    port: int = 0
    login: str = ""
    folder: str = ""
    host_key: str = ""
    public_key: str = ""
    """Ours, to be let in there; empty where a password is used."""
    endpoint: str = ""
    region: str = ""
    bucket: str = ""
    prefix: str = ""
    access_key: str = ""
    is_being_tested: bool = False
    tested_at: Time | None = None
    test_problem: str = ""
    """What went wrong the last time that it was tested; empty if nothing did."""


class NewTarget(msgspec.Struct, forbid_unknown_fields=True):
    """Where recordings are to be pushed to, in place of what it was before."""

    kind: Literal["sftp", "s3"]
    enabled: bool = True
    host: str = ""
    port: int = targets.SFTP_PORT
    login: str = ""
    folder: str = ""
    host_key: str = ""
    """The server's, as in `known_hosts`: nothing is sent to one with another."""
    by: Literal["key", "password"] = "key"
    """How the recorder signs in there; its key is made by itself."""
    endpoint: str = ""
    region: str = ""
    bucket: str = ""
    prefix: str = ""
    access_key: str = ""
    secret: str = ""
    """Password, or S3's secret key; left out, the one that there is stays, unless it would go elsewhere."""


class PushedDay(msgspec.Struct):
    """What came of a day that is pushed."""

    day: str
    files: int
    sent: int
    sent_at: Time | None
    """When everything had been pushed; null while something is missing or not ready."""
    attempts: int
    """That failed in a row."""
    problem: str
    due_at: Time | None
    """When it is looked at next; null once its window is closed."""


class DeliveryReport(msgspec.Struct):
    """What was handed over: days that are pushed, the newest first, and what was fetched in a week."""

    days: list[PushedDay]
    fetched: int
    acknowledged: int
    last_fetched_at: Time | None


@operation("GET", _DELIVERY, need=Right.ORGANISATION_READ)
async def delivery(request: web.Request) -> DeliverySettings:
    """How the organisation's recordings are handed over, and its account of the SFTP service."""
    return delivery_json(await request.app[CONTEXT].store.read(accounts.find, own_organisation(request)))


@operation("PATCH", _DELIVERY, need=Right.TOKENS, problems=(409, 412, 422), guarded=True)
async def change_delivery(request: web.Request, body: ChangedDelivery) -> DeliverySettings:
    """Change what is named. For administrators who sign in: no token may."""
    values = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}
    changed = await change(request, values, guard(request, delivery_json))
    return delivery_json(changed)


@operation("POST", _KEYS, need=Right.TOKENS, answer=DeliveryKey, problems=(409, 422), creates=True)
async def add_key(request: web.Request, body: NewKey) -> web.Response:
    """Let who has a key in by SFTP. For administrators who sign in: no token may."""
    organisation, by = own_organisation(request), changed_by(request)
    return await create(
        request,
        lambda: accounts.add_key(organisation, body.name, body.key, **by),
        key_json,
        lambda row: f"{_KEYS}/{row.id}",
    )


@operation("GET", _KEYS + "/{id}", need=Right.ORGANISATION_READ, problems=(404,))
async def delivery_key(request: web.Request) -> DeliveryKey:
    """One of the keys."""
    found = await request.app[CONTEXT].store.read(
        accounts.find_key, own_organisation(request), path_id(request)
    )
    return key_json(found)


@operation("DELETE", _KEYS + "/{id}", need=Right.TOKENS, problems=(404, 412), guarded=True)
async def remove_key(request: web.Request) -> None:
    """Let nobody in with it any more; sessions that came in by it end within seconds."""
    await request.app[CONTEXT].store.write(
        accounts.remove_key, own_organisation(request), path_id(request), check=guard(request, key_json),
        **changed_by(request),
    )  # fmt: skip


@operation("GET", _TARGET, need=Right.ORGANISATION_READ, problems=(404,))
async def target(request: web.Request) -> Target:
    """Where recordings are pushed to. 404 if nowhere."""
    return target_json(await _target(request))


@operation("PUT", _TARGET, need=Right.TOKENS, problems=(412, 422), guarded=True)
async def set_target(request: web.Request, body: NewTarget) -> Target:
    """Push recordings there from now on: what is in the folders now, too. No token may."""
    fields = msgspec.structs.asdict(body)
    values = {name: fields[name] for name in fields.keys() - {"kind", "enabled", "by", "secret"}}
    changed = await put_target(
        request, body.kind, values, body.secret, body.by, body.enabled, guard(request, _or_none)
    )
    return target_json(changed)


@operation("DELETE", _TARGET, need=Right.TOKENS, problems=(404, 412), guarded=True)
async def remove_target(request: web.Request) -> None:
    """Push nothing any more, and forget the secret. What was pushed stays where it is."""
    await request.app[CONTEXT].store.write(
        pushing.remove_target, own_organisation(request), check=guard(request, target_json),
        **changed_by(request),
    )  # fmt: skip


@operation("POST", _TARGET + "/test", need=Right.TOKENS, problems=(404,))
async def test_target(request: web.Request) -> Target:
    """Have it tried whether a file can be written there; what came of it is in the target a moment later."""
    asked = await request.app[CONTEXT].store.write(
        pushing.ask_for_test, own_organisation(request), request.app[CONTEXT].now()
    )
    return target_json(asked)


@operation("GET", f"{_DELIVERY}/report", need=Right.ORGANISATION_READ)
async def report(request: web.Request) -> DeliveryReport:
    """What came of the days that are pushed, and how many recordings were fetched in the last week."""
    context, organisation = request.app[CONTEXT], own_organisation(request)
    days = await context.store.read(pushing.report, organisation)
    fetched, acknowledged, last = await context.store.read(
        pushing.fetched, organisation, context.now() - FETCHED_WITHIN
    )
    return DeliveryReport([day_json(row) for row in days], fetched, acknowledged, time_or_none(last))


OPERATIONS: tuple[Route, ...] = (
    delivery,
    change_delivery,
    add_key,
    delivery_key,
    remove_key,
    target,
    set_target,
    remove_target,
    test_target,
    report,
)


async def change(request: web.Request, values: dict[str, Any], check: Any) -> DeliveryRow:
    """Change what is named of delivery. Raises `Refused` (422) for a password where none is taken."""
    context = request.app[CONTEXT]
    if values.get("password"):
        if not context.sftp.passwords:
            raise Refused(422, N_("the SFTP service takes keys alone (sftp.passwords)."), field="password")
        values = {**values, "password": await _prepared(values["password"])}
    return await context.store.write(
        accounts.change, own_organisation(request), values, check=check, **changed_by(request)
    )


async def put_target(
    request: web.Request, kind: str, values: dict[str, Any], secret: str, by: str, enabled: bool, check: Any
) -> TargetRow:
    """Have recordings pushed there. Raises `Invalid`."""
    context, organisation = request.app[CONTEXT], own_organisation(request)
    before = await context.store.read(pushing.find, organisation)

    def seal(plain: str) -> str:
        return request.app[SEALS].seal(Purpose.DELIVERY, plain, context.now())

    settled, sealed = secrets.settled(kind, values, secret, before, seal, by=by)
    return await context.store.write(
        pushing.set_target, organisation, kind, settled, sealed, enabled=enabled, check=check,
        **changed_by(request),
    )  # fmt: skip


async def _prepared(password: str) -> passwords.Prepared:
    return await asyncio.to_thread(passwords.prepared, password)


async def _target(request: web.Request) -> TargetRow:
    found = await request.app[CONTEXT].store.read(pushing.find, own_organisation(request))
    if found is None:
        raise NotFound("Nothing is pushed anywhere here.")
    return found


def delivery_json(row: DeliveryRow) -> DeliverySettings:
    """As the API shows it."""
    groups = [DeliveryGroup(group, name) for group, name in row.groups]
    form: Form = row.form  # type: ignore[assignment]
    return DeliverySettings(
        form, row.everybody, groups, row.login, row.has_password, row.acknowledges,
        [key_json(key) for key in row.keys],
    )  # fmt: skip


def key_json(row: KeyRow) -> DeliveryKey:
    """As the API shows it."""
    return DeliveryKey(
        str(row.id), row.name, row.text, row.fingerprint, time(row.created_at), row.created_by,
        time_or_none(row.seen_at),
    )  # fmt: skip


def target_json(row: TargetRow) -> Target:
    """As the API shows it."""
    return Target(
        kind=row.place.kind,  # type: ignore[arg-type]
        enabled=row.enabled,
        has_secret=row.has_secret,
        is_being_tested=row.is_being_tested,
        tested_at=time_or_none(row.tested_at),
        test_problem=row.test_problem,
        **targets.fields_of(row.place),
    )


def _or_none(row: TargetRow | None) -> msgspec.Struct:
    """What ``If-Match`` is compared with; where there is none yet, nothing matches."""
    return Target("sftp", False, False) if row is None else target_json(row)


def day_json(row: DayRow) -> PushedDay:
    """As the API shows it."""
    return PushedDay(
        row.day, row.files, row.sent, time_or_none(row.sent_at), row.attempts, row.problem,
        time_or_none(row.due_at),
    )  # fmt: skip


def host_fingerprint(settings: Sftp) -> str:
    """How clients recognise the SFTP service; empty while it has no key, or there is none. Blocks."""
    if not settings.host:
        return ""
    try:
        key = serialization.load_ssh_private_key(settings.host_key_file.read_bytes(), None)
    except (OSError, ValueError, UnsupportedAlgorithm):
        return ""
    text = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return public_key("host_key", text.decode()).fingerprint
