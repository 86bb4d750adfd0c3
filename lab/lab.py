"""The lab: a demo PBX and its phones, started together and stopped together."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import secrets
import shutil
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from lab.ari import Ari, Json
from lab.asterisk import OVERLAY, POLL_S, LabAsterisk, fill
from lab.errors import LabTimeout
from lab.folders import LabFolder
from lab.people import SPARE, USERS
from lab.phones import Phone, Phones
from lab.ports import PortBlock
from lab.tones import ALL_HZ, TONES_VERSION, write_tones
from lab.tree import Tree, cache_folder, find_tree

REGISTER_S = 15.0
PBX_S = 5.0
ENDING = (signal.SIGTERM, signal.SIGHUP)


class Lab:
    """A real PBX and real phones on this machine's loopback.

    ``async with Lab() as lab`` does everything. Where one lab serves several event loops, `start` and `stop`
    it once, and `connect` and `disconnect` the phones in each loop.

    ``folder`` is where ``<name>`` links to its files while it runs, and where its logs stay afterwards
    until the next lab starts.
    ``verbose`` is Asterisk's (3 logs each line of dialplan). ``sip_address`` is where the PBX takes SIP.
    ``port_thousands`` are the ports of each Asterisk: a thousand for each 247 calls at once.
    """

    pbx: LabAsterisk
    phones: Phones

    def __init__(
        self,
        folder: Path = Path(".lab"),
        name: str = "lab",
        verbose: int = 0,
        sip_address: str = "127.0.0.1",
        port_thousands: int = 1,
    ) -> None:
        self.folder = folder
        self.name = name
        self.verbose = verbose
        self.sip_address = sip_address
        self.port_thousands = port_thousands
        self._started = ExitStack()

    async def __aenter__(self) -> Lab:
        self.start()
        self._ending = _Ending()
        try:
            await self.connect()
        except BaseException:
            self.stop()
            self._ending.over()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.disconnect()
        finally:
            self.stop()
            self._ending.over()

    def start(self) -> None:
        """Start both Asterisks and wait until every phone is registered; about 3 seconds.

        Blocks. Call it in the main thread: the Asterisks end with the thread that started them. Raises
        `LabError`.
        """
        with ExitStack() as until_started:
            until_started.callback(self.stop)
            _end_in_order()
            atexit.register(self.stop)
            tree = find_tree()
            folder = LabFolder(tree, self.folder, self.name)
            self._started.callback(folder.remove)
            self._set_up(tree, folder)
            self.pbx.start()
            self._phones.start()
            self.pbx.wait_booted()
            self._phones.wait_booted()
            self.wait_registered()
            until_started.pop_all()

    def stop(self) -> None:
        """Stop everything and remove its files, but for the logs. Harmless a second time."""
        self._started.close()
        atexit.unregister(self.stop)

    async def connect(self) -> None:
        """Open the phones' event socket in the running loop."""
        self.phones = Phones(self._phones, f"127.0.0.1:{self.pbx.sip_port}")
        await self.phones.connect()

    async def disconnect(self) -> None:
        """Hang up every phone and close the socket."""
        await self.phones.disconnect()

    async def idle(self, timeout_s: float = PBX_S) -> None:
        """Return when no channel is left on the PBX. Raises `LabTimeout` naming those that are."""
        await self._pbx_shows("/channels", lambda channels: not channels, timeout_s)

    async def bridged(self, calls: int = 1, timeout_s: float = PBX_S) -> None:
        """Return when the PBX has connected this many calls: a REFER right after an answer is refused."""
        await self._pbx_shows(
            "/bridges", lambda all_: sum(len(one["channels"]) > 1 for one in all_) >= calls, timeout_s
        )

    async def _pbx_shows(self, path: str, true: Callable[[list[Json]], bool], timeout_s: float) -> None:
        async with Ari(self.pbx.http_url, self.pbx.ari_user, self.pbx.ari_password) as ari:
            until = time.monotonic() + timeout_s
            while not true(found := await ari.get(path)):
                if time.monotonic() > until:
                    names = ", ".join(one["name"] or one["id"] for one in found) or "none"
                    raise LabTimeout(f"After {timeout_s} s the PBX still has these {path[1:]}: {names}.")
                await asyncio.sleep(POLL_S)

    def outside(self, number: str) -> Phone:
        """The phone of an outside number (national form, ``0812345678``) behind the trunk."""
        return self.phones.outside(number)

    @property
    def phones_asterisk(self) -> LabAsterisk:
        """The Asterisk that is the phones."""
        return self._phones

    def _set_up(self, tree: Tree, folder: LabFolder) -> None:
        self.pbx = self._asterisk(tree, folder, "pbx", "ari_recorder")
        self._phones = self._asterisk(tree, folder, "phones", "phones")
        configure(self.pbx, self._phones, tree.inside(_tones(tree)), self.verbose, self.sip_address)

    def _asterisk(self, tree: Tree, folder: LabFolder, name: str, ari_user: str) -> LabAsterisk:
        ports = PortBlock(self.port_thousands)
        self._started.callback(ports.release)
        asterisk = LabAsterisk(tree, folder.path / name, ports, ari_user, secrets.token_urlsafe(12))
        self._started.callback(asterisk.keep_log, folder.project / f"{self.name}-{name}.log")
        self._started.callback(asterisk.stop)
        return asterisk

    def wait_registered(self) -> None:
        """Return when every phone is registered at the PBX; raises `LabTimeout`."""
        until = time.monotonic() + REGISTER_S
        wanted = {user.number for user in USERS}
        while missing := wanted - set(_online(self.pbx)):
            if time.monotonic() > until:
                raise LabTimeout(
                    f"Phones {sorted(missing)} did not register in {REGISTER_S} s; see {self.pbx.log}."
                )
            time.sleep(POLL_S)


def configure(
    pbx: LabAsterisk, phones: LabAsterisk, tones: str, verbose: int, sip_address: str, nat: str = ""
) -> None:
    """Write both configurations. ``tones`` is as Asterisk sees it, ``nat`` for the PBX's SIP transport."""
    pbx.configure(
        "pbx",
        {
            "VERBOSE": verbose,
            "SIP_ADDRESS": sip_address,
            "NAT": nat,
            "PEER_TRUNK_PORT": phones.ports.trunk,
            "TONES": tones,
            "BROWSERS": _browser_accounts(),
        },
    )
    phones.configure(
        "phones",
        {
            "VERBOSE": verbose,
            "PEER_SIP_PORT": pbx.sip_port,
            "PHONES": _phone_accounts(pbx.sip_port),
            "TONE_CLASSES": _tone_classes(tones),
        },
    )


def _tones(tree: Tree) -> Path:
    folder = (tree.root or cache_folder()) / f"lab-tones-{TONES_VERSION}"
    if not folder.is_dir():
        part = folder.with_suffix(f".{os.getpid()}")
        write_tones(part)
        with suppress(OSError):  # another lab was faster
            part.rename(folder)
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _tone_classes(tones: str) -> str:
    return "\n".join(f"[tone-{hz}]\nmode = files\ndirectory = {tones}/{hz}\n" for hz in ALL_HZ)


def _phone_accounts(pbx_sip_port: int) -> str:
    template = _template("phones/phone.template")
    return "\n".join(
        fill(
            template,
            {
                "NUMBER": user.number,
                "PASSWORD": user.password,
                "CODECS": user.codecs,
                "PEER_SIP_PORT": pbx_sip_port,
            },
        )
        for user in USERS
    )


def _browser_accounts() -> str:
    own, spare = (_template(f"pbx/{name}.template") for name in ("browser", "spare"))
    return "".join(
        [fill(own, {"ACCOUNT": one.browser_account, "NUMBER": one.number, "NAME": one.name}) for one in USERS]
        + [fill(spare, {"NUMBER": one.number, "PASSWORD": one.password}) for one in SPARE]
    )


def _template(name: str) -> str:
    return (OVERLAY / name).read_text()


def _online(pbx: LabAsterisk) -> Iterator[str]:
    """The PJSIP endpoints that have a contact, by ARI; none if it does not answer."""
    login = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    login.add_password(None, pbx.http_url, pbx.ari_user, pbx.ari_password)
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(login))
    with suppress(OSError), opener.open(f"{pbx.http_url}/ari/endpoints/PJSIP", timeout=5) as answer:
        endpoints: list[dict[str, Any]] = json.load(answer)
        yield from (str(one["resource"]) for one in endpoints if one["state"] == "online")


class _Ending:
    """SIGTERM and SIGHUP cancel the task that has made it, once; `over` then ends the program.

    `_exit` would raise in whatever task has its turn.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._signals = [number for number in ENDING if signal.getsignal(number) is _exit]
        self._told = 0
        for number in self._signals:
            self._loop.add_signal_handler(number, self._cancel, number)

    def over(self) -> None:
        """Everything is stopped. Raises `SystemExit` if that was asked for."""
        for number in self._signals:
            self._loop.remove_signal_handler(number)
            signal.signal(number, _exit)
        if self._told:
            raise SystemExit(128 + self._told)

    def _cancel(self, number: int) -> None:
        if not self._told and self._task is not None:
            self._told = number
            self._task.cancel()


def _end_in_order() -> None:
    """SIGTERM and SIGHUP end the program with everything stopped, unless it treats them itself."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _exit)


def _exit(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
