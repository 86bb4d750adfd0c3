"""The demo in containers: what `docker/Dockerfile` and `docker/compose.yaml` take from the lab.

``python -m lab.compose configure FOLDER`` writes the configuration of PBX and phones, with calls that the
phones make when they start. ``python -m lab.compose people`` puts the demo's users into the catalogue and
says how to sign in.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ari_recorder import config
from ari_recorder.policies.table import Mode
from ari_recorder.store import people
from ari_recorder.store.database import Store
from lab.asterisk import LabAsterisk
from lab.cases import OUTSIDE
from lab.directory import add_user
from lab.lab import configure as configure_both
from lab.people import OUTSIDE_PREFIX, USERS, User
from lab.playground import CALLS
from lab.ports import Ports
from lab.recorder import PBX
from lab.tones import frequency_hz, write_tones
from lab.tree import Tree

PBX_PORTS = Ports(sip=5060, trunk=5061, http=8088, rtp=(10000, 10099))
PHONES_PORTS = Ports(sip=5070, trunk=5071, http=8098, rtp=(11000, 11999))
ARI_PASSWORD = "change-me"
"""As in `asterisk_conf/ari.conf`: ARI is on the loopback of the containers, where nobody else is."""
ANSWER_AFTER_S = 4
TALK_S = 15


def configure(folder: Path) -> None:
    """Write everything under ``folder``, which is where both Asterisks will see it, too.

    But for ``nat.conf``, which `docker/asterisk` writes.
    """
    host = Tree(None, "")
    pbx = LabAsterisk(host, folder / "pbx", PBX_PORTS, "ari_recorder", ARI_PASSWORD)
    phones = LabAsterisk(host, folder / "phones", PHONES_PORTS, "phones", ARI_PASSWORD)
    write_tones(folder / "tones")
    configure_both(pbx, phones, str(folder / "tones"), 0, "0.0.0.0", '#include "nat.conf"')  # noqa: S104
    with (phones.folder / "etc/extensions.conf").open("a") as dialplan:
        dialplan.write("\n[globals]\n" + "".join(_answering(number) for number in _numbers()))
    calls = phones.folder / "spool/outgoing"
    calls.mkdir()
    for caller, callee in CALLS:
        (calls / f"{caller}-{callee}.call").write_text(_call(caller, callee))


def _numbers() -> list[str]:
    return [user.number for user in USERS] + [OUTSIDE]


def _answering(number: str) -> str:
    return f"AUTO_ANSWER_{number} = {ANSWER_AFTER_S}\nAUTO_PLAY_{number} = tone-{frequency_hz(number)}\n"


def _call(caller: str, callee: str) -> str:
    """A call file: https://docs.asterisk.org/Configuration/Interfaces/Asterisk-Call-Files/."""
    outside = caller == OUTSIDE
    channel = f"PJSIP/{OUTSIDE_PREFIX}{callee}@trunk" if outside else f"PJSIP/{callee}@{caller}"
    return (
        f"Channel: {channel}\nCallerID: <{caller}>\nMaxRetries: 3\nRetryTime: 10\n"
        f"Application: MusicOnHold\nData: tone-{frequency_hz(caller)},{TALK_S}\n"
    )


def add_people(console: Console) -> None:
    """Add the demo's users and an administrator if there are none, with passwords that nobody knows yet."""
    store = Store(config.load().store.url)
    try:
        if store.read_now(people.list_users):
            console.print("The users are there already; docs/guide/docker.md says how to set a new password.")
            return
        table = Table("Login and SIP user", "Password of My Pages", "SIP password", "Name", "Recording mode")
        for user in USERS:
            if user.mode is not None:
                password = store.write_now(_add, user)
                table.add_row(user.number, password, user.password, user.name, user.mode)
            else:
                table.add_row(user.number, "", user.password, user.name, "no recording service")
        table.add_row("admin", store.write_now(_add_administrator), "", "Administrator", "")
    finally:
        store.close()
    console.print(table)
    console.print(f"SIP (UDP): {os.environ['SIP_ADDRESS']}:{PBX_PORTS.sip}   My Pages: http://127.0.0.1:8090")


def _add(user: User) -> str:
    password = secrets.token_urlsafe(8)
    add_user(
        name=user.name,
        number=user.number,
        mode=Mode(user.mode),
        login=user.number,
        password=password,
        endpoints=[(PBX, name) for name in user.endpoints],
    )
    return password


def _add_administrator() -> str:
    password = secrets.token_urlsafe(12)
    add_user(name="Administrator", number=None, role="administrator", login="admin", password=password)
    return password


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["configure", folder]:
            configure(Path(folder))
        case ["people"]:
            add_people(Console(width=100, highlight=False))
        case _:
            sys.exit(__doc__)
