"""``python -m lab``: the demo PBX and its phones alone, until interrupted, to try things on."""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lab import softphone
from lab.errors import LabError
from lab.lab import Lab
from lab.people import OUTSIDE_PREFIX, USERS
from lab.tones import frequency_hz

ANSWER_AFTER_S = 4
ANSWERING = (*(user.number for user in USERS), "0812345678")


def main() -> None:
    """Start the lab and wait for Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    parser.add_argument("--name", default="lab", help="several labs run side by side under different names")
    parser.add_argument(
        "--sip-address", default="127.0.0.1", help="where the PBX takes SIP; 0.0.0.0: everywhere"
    )
    parser.add_argument("--verbose", type=int, default=3, help="Asterisk's verbosity in its log")
    wanted = parser.parse_args()
    try:
        _run(Lab(Path(".lab"), wanted.name, wanted.verbose, wanted.sip_address))
    except LabError as error:
        sys.exit(str(error))


def _run(lab: Lab) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        lab.start()
        try:
            for number in ANSWERING:
                lab.phones_asterisk.rx(f"dialplan set global AUTO_PLAY_{number} tone-{frequency_hz(number)}")
                lab.phones_asterisk.rx(f"dialplan set global AUTO_ANSWER_{number} {ANSWER_AFTER_S}")
            _print(lab, Console())
            threading.Event().wait()
        finally:
            lab.stop()


def _print(lab: Lab, console: Console) -> None:
    services = softphone.words("en")["services"]
    console.print(_accounts(lab))
    console.print("Call:  " + ", ".join(f"{number} {what}" for number, what in services.items()))
    console.print(
        f"       0... and +46... go out by the trunk; {OUTSIDE_PREFIX}101 and so on come in by it\n"
    )
    console.print(f"The lab's phones answer after {ANSWER_AFTER_S} s with a tone: {', '.join(ANSWERING)}\n")
    for name, asterisk in (("PBX", lab.pbx), ("phones", lab.phones_asterisk)):
        console.print(
            f"{name}: ARI {asterisk.http_url}, user {asterisk.ari_user}, password {asterisk.ari_password}"
        )
        console.print(f"  log {asterisk.log}\n  command line: {asterisk.console_command()}", soft_wrap=True)
    console.print("\nCtrl-C ends it.")


def _accounts(lab: Lab) -> Table:
    table = Table(title=f"SIP accounts at {lab.sip_address}:{lab.pbx.sip_port} (UDP)")
    for heading in ("Number = user name", "Password", "Name", "From outside", "Recording mode"):
        table.add_column(heading)
    for user in USERS:
        table.add_row(user.number, user.password, user.name, user.outside_number, user.mode)
    return table


if __name__ == "__main__":
    main()
