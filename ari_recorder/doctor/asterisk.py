"""One Asterisk: is it there, does it let us in, has it what recording needs."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from datetime import UTC, datetime
from statistics import median
from urllib.parse import urlsplit

from ari_recorder.ari import Ari, Connected, Disconnected, EventSocket, supported, warnings
from ari_recorder.blocking import in_thread
from ari_recorder.config import Pbx
from ari_recorder.doctor.inquiry import Inquiry
from ari_recorder.doctor.report import Check, bad, good, warning
from ari_recorder.errors import AriError, AriNotFound, AriUnauthorized
from ari_recorder.handlers import channels
from ari_recorder.policies.text import listed

REQUIRED_MODULES = (
    *("res_ari", "res_ari_applications", "res_ari_asterisk", "res_ari_channels", "res_ari_endpoints"),
    *("res_ari_events", "res_ari_recordings", "res_http_websocket", "res_stasis", "res_stasis_recording"),
    *("res_stasis_snoop", "format_wav"),
)
"""Without one of them nothing is recorded."""

RELOAD = "asterisk -rx 'module reload res_ari.so'"
PINGS = 5
PING_SLOW_S = 0.1
"""A recording begins after a request or two: slower than this and its first words can be lost."""
CLOCK_OFF_S = 1.0
SOCKET_OPEN_S = 2.0
HEARTBEAT_S = 0.5
SOCKET_WATCHED_S = 1.2
"""Long enough for two pings of the event socket to be answered, or not."""
WRITE_TIMEOUT_MS = 1000
"""Least ``websocket_write_timeout`` that a busy moment survives."""


async def look_for_asterisk(where: str, pbx: Pbx, ari: Ari) -> tuple[Check, str]:
    """Whether Asterisk answers and lets us in; with its version, empty if not."""
    host = urlsplit(pbx.url).hostname
    try:
        await in_thread(socket.getaddrinfo, host, None)
        version = (await ari.info()).system.version
    except socket.gaierror as error:
        remedy = f"Correct the name in {where}.url ({pbx.url}), or make it known to this machine."
        return bad(where, "ARI", f"the name {host} is unknown: {error.strerror}", remedy), ""
    except AriError as error:
        said = f"{error.reason} ({error.status})" if error.status else error.reason
        return bad(where, "ARI", said, _remedy(where, pbx, error)), ""
    return good(where, "ARI", f"Asterisk {version} lets {pbx.username} in at {pbx.url}"), version


def look_at_version(where: str, version: str) -> list[Check]:
    """Whether this version is supported, and what is known of it."""
    reason = supported(version)
    if reason:
        return [bad(where, "version", reason, "Update Asterisk to a supported release.")]
    known = [
        warning(where, "version", text, "Update Asterisk when a later release is out.")
        for text in warnings(version)
    ]
    return known or [good(where, "version", f"{version} is supported")]


async def look_at_modules(where: str, ari: Ari) -> list[Check]:
    """Whether every module that recording needs is running. Raises `AriError`."""
    running = {m.name.removesuffix(".so") for m in await ari.modules() if m.status == "Running"}
    missing = [name for name in REQUIRED_MODULES if name not in running]
    if missing:
        remedy = "On Asterisk's command line: " + ", ".join(f"module load {name}.so" for name in missing)
        return [bad(where, "modules", f"not running: {listed(missing)}", f"{remedy}; see modules.conf, too.")]
    found = f"all {len(REQUIRED_MODULES)} that recording needs are running"
    return [good(where, "modules", found), _timer(where, running)]


def _timer(where: str, running: set[str]) -> Check:
    if "res_timing_timerfd" in running:
        found = (
            "res_timing_timerfd forgets time when the machine stalls: recordings become shorter than calls"
        )
        return warning(
            where, "timer", found, "Include asterisk_conf/modules_ari_recorder.conf in modules.conf."
        )
    return good(where, "timer", "makes up for the time that the machine stalls")


async def look_at_latency(where: str, inquiry: Inquiry) -> list[Check]:
    """How fast Asterisk answers, and whether its clock is ours. Raises `AriError`."""
    took_s, off_s = [], []
    await inquiry.ping()  # opens the connection
    for _ in range(PINGS):
        began_s = time.monotonic()
        theirs = (await inquiry.ping()).timestamp
        took_s.append(time.monotonic() - began_s)
        off_s.append((theirs - datetime.now(UTC)).total_seconds() + took_s[-1] / 2)
    return [_latency(where, median(took_s)), _clock(where, median(off_s))]


def _latency(where: str, took_s: float) -> Check:
    found = f"a request takes {took_s * 1000:.1f} ms"
    if took_s > PING_SLOW_S:
        remedy = "Run the recorder nearer to Asterisk, best on the same machine; look at its load."
        return warning(where, "latency", f"{found}: recordings begin that much late", remedy)
    return good(where, "latency", found)


def _clock(where: str, off_s: float) -> Check:
    if abs(off_s) > CLOCK_OFF_S:
        found = f"Asterisk's clock is {abs(off_s):.1f} s {'ahead' if off_s > 0 else 'behind'}"
        return warning(
            where, "clock", found, "Let both machines keep time by NTP (timedatectl set-ntp true)."
        )
    return good(where, "clock", "Asterisk's is this machine's")


async def look_at_connections(where: str, pbx: Pbx, inquiry: Inquiry) -> list[Check]:
    """Whether Asterisk serves as many connections at once as the recorder may open."""
    answers = await asyncio.gather(*(inquiry.ping() for _ in range(pbx.connections)), return_exceptions=True)
    failed = [answer for answer in answers if isinstance(answer, BaseException)]
    found = f"{pbx.connections - len(failed)} of {pbx.connections} requests at once were answered"
    if failed:
        remedy = (
            f"Raise sessionlimit in http.conf (100 by default; 500 is good), or lower {where}.connections."
        )
        return [bad(where, "connections", f"{found}: {failed[0]}", remedy)]
    return [good(where, "connections", found)]


async def look_at_write_timeout(where: str, inquiry: Inquiry) -> list[Check]:
    """Whether Asterisk gives the event socket time in a busy moment. Raises `AriError`."""
    name, remedy = "websocket_write_timeout", "Set websocket_write_timeout = 5000 in [general] of ari.conf"
    known = await inquiry.settings("res_ari", "general", "general")
    value = (known or {}).get(name, "")
    if not value.isdigit():
        found = "this Asterisk does not tell its value"
        return [warning(where, name, found, f"{remedy}, if it is not: grep {name} /etc/asterisk/ari.conf")]
    if int(value) < WRITE_TIMEOUT_MS:
        found = f"{value} ms: Asterisk closes the event socket when one write takes longer"
        return [warning(where, name, found, f"{remedy}, then: {RELOAD}")]
    return [good(where, name, f"{value} ms")]


async def look_at_channelvars(where: str, inquiry: Inquiry) -> list[Check]:
    """Whether Asterisk tells who does not want to be shown. Raises `AriError`."""
    name, known = "channelvars", await inquiry.settings("res_ari", "general", "general")
    remedy = f"Take the line channelvars of asterisk_conf/ari.conf into [general] of ari.conf, then: {RELOAD}"
    if name not in (known or {}):
        return [warning(where, name, "this Asterisk does not tell its value", remedy)]
    if channels.PRESENTATION not in (known or {})[name]:
        found = f"{channels.PRESENTATION} is not in it: numbers that callers withhold are shown"
        return [warning(where, name, found, remedy)]
    return [good(where, name, "also whether a caller withholds their number")]


async def look_at_socket(where: str, pbx: Pbx, app: str) -> list[Check]:
    """Whether the event socket opens, stays and may be set up, under a name of our own.

    A recorder that runs keeps its own: Asterisk has one socket for each name.
    """
    own = f"{app}-doctor-{secrets.token_hex(4)}"
    async with _socket(where, pbx, own) as events, _client(where, pbx, own) as ari:
        first = await anext(events)
        if isinstance(first, Disconnected):
            return [_socket_bad(where, first)]
        assert isinstance(first, Connected)
        return [await _may_change(where, pbx, ari), await _stays(where, events)]


def _socket(where: str, pbx: Pbx, app: str) -> EventSocket:
    return EventSocket(
        url=pbx.url,
        username=pbx.username,
        password=pbx.password,
        app=app,
        pbx=where,
        heartbeat_s=HEARTBEAT_S,
        open_timeout_s=SOCKET_OPEN_S,
        close_timeout_s=HEARTBEAT_S,
    )


def _client(where: str, pbx: Pbx, app: str) -> Ari:
    return Ari(url=pbx.url, username=pbx.username, password=pbx.password, app=app, pbx=where)


async def _may_change(where: str, pbx: Pbx, ari: Ari) -> Check:
    try:
        await ari.set_event_filter(["StasisStart"])
    except AriUnauthorized as error:
        remedy = f"Set read_only = no for [{pbx.username}] in ari.conf, then: {RELOAD}"
        return bad(where, "permission", f"{pbx.username} may look, but not act: {error}", remedy)
    return good(where, "permission", f"{pbx.username} may look and act")


async def _stays(where: str, events: EventSocket) -> Check:
    try:
        async with asyncio.timeout(SOCKET_WATCHED_S):
            async for item in events:
                if isinstance(item, Disconnected):
                    return _socket_bad(where, item)
    except TimeoutError:
        pass
    return good(where, "event socket", f"opens, and answers pings within {HEARTBEAT_S:g} s")


def _socket_bad(where: str, item: Disconnected) -> Check:
    remedy = "See that res_ari_events and res_http_websocket run and that no proxy is in between."
    return bad(where, "event socket", item.reason, remedy)


def _remedy(where: str, pbx: Pbx, error: AriError) -> str:
    if isinstance(error, AriUnauthorized):
        return (
            f"Set {where}.username and {where}.password to those of a user in ari.conf"
            " (asterisk -rx 'ari show users' lists them)."
        )
    if isinstance(error, AriNotFound):
        return (
            f"Set {where}.url to the address without /ari; enabled = yes in ari.conf, and res_ari.so loaded?"
        )
    if error.reason.startswith("the certificate"):
        return (
            "Renew it (tlscertfile in http.conf), or have this machine trust who signed it:"
            " update-ca-certificates, or SSL_CERT_FILE for the recorder."
        )
    return (
        f"Is Asterisk running, with enabled = yes in http.conf and bindaddr and bindport as in {where}.url"
        f" ({pbx.url})? asterisk -rx 'http show status' tells; then look for a firewall."
    )
