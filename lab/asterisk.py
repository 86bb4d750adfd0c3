"""One Asterisk of the lab: its configuration, its process, its command line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from lab.errors import LabError
from lab.ports import Ports
from lab.tree import Tree, find_program

PROJECT = Path(__file__).parent.parent
OVERLAY = Path(__file__).parent / "overlay"
BOOT_S = 30.0
STOP_S = 5.0
POLL_S = 0.02
TIME_ZONE = "Asia/Kolkata"
"""Of Asterisks and database servers, and of nothing else: five and a half hours that would be noticed."""
FILES_MAX = 8192
"""Open files of each Asterisk, as far as the machine lets it: a recorded call takes about ten."""
FOLDERS = ("etc", "lib", "db", "keys/keys", "spool", "run", "log")
LEFT_OUT = (
    *("app_voicemail_odbc", "func_odbc", "res_odbc", "res_odbc_transaction", "cdr_odbc", "cdr_adaptive_odbc"),
    *("cel_odbc", "res_config_odbc", "res_config_pgsql", "cdr_pgsql", "cel_pgsql", "cdr_tds", "cel_tds"),
    *("res_config_ldap", "res_config_mysql", "cdr_radius", "cel_radius", "app_jack", "app_festival"),
    *("chan_console", "chan_iax2", "chan_unistim", "chan_motif", "chan_dahdi", "chan_mobile", "chan_ooh323"),
    *("pbx_dundi", "pbx_lua", "pbx_ael", "res_snmp", "res_xmpp", "res_hep", "res_hep_rtcp", "res_hep_pjsip"),
    *("res_phoneprov", "res_pjsip_phoneprov_provider", "res_calendar", "res_calendar_caldav"),
    *("res_calendar_ews", "res_calendar_exchange", "res_calendar_icalendar", "res_statsd", "res_corosync"),
    *("app_sms", "app_adsiprog", "app_getcpeid", "res_adsi", "res_smdi", "app_minivm", "app_alarmreceiver"),
    *(
        "app_agent_pool",
        "app_amd",
        "app_followme",
        "cdr_csv",
        "cdr_custom",
        "cdr_manager",
        "cdr_sqlite3_custom",
    ),
    *(
        "cel_custom",
        "cel_manager",
        "cel_sqlite3_custom",
        "res_cdrel_custom",
        "res_prometheus",
        "res_clialiases",
    ),
    *("res_stun_monitor", "res_pjsip_notify", "res_stir_shaken", "res_pjsip_stir_shaken"),
)
"""Modules that need databases, servers, ports or configuration of their own."""


class LabAsterisk:
    """An Asterisk with a folder, ports and a configuration of its own.

    ``http_url`` (without ``/ari``), ``ari_user`` and ``ari_password`` reach its ARI, ``sip_port`` its
    SIP (UDP). Paths are as this machine sees them; `inside` gives Asterisk's view.
    """

    def __init__(self, tree: Tree, folder: Path, ports: Ports, ari_user: str, ari_password: str) -> None:
        self.tree = tree
        self.folder = folder
        self.ports = ports
        self.http_url = f"http://127.0.0.1:{ports.http}"
        self.ari_user = ari_user
        self.ari_password = ari_password
        self.sip_port = ports.sip
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def spool(self) -> Path:
        """The recording folder, where ``record`` puts its files."""
        return self.folder / "spool/recording"

    @property
    def log(self) -> Path:
        """Asterisk's own log, as long as the lab runs."""
        return self.folder / "log/full"

    @property
    def pid(self) -> int:
        """The process id; raises `LabError` if it does not run."""
        if self._process is None or self._process.poll() is not None:
            raise LabError(f"{self.folder.name}: Asterisk does not run.{self._last_words()}")
        return self._process.pid

    def inside(self, path: Path) -> str:
        """How Asterisk sees a path of this machine."""
        return self.tree.inside(path)

    def configure(self, overlay: str, values: Mapping[str, object]) -> None:
        """Write ``etc``: ``overlay/<overlay>`` with ``values`` filled in, and `asterisk_conf` as it is."""
        for name in (*FOLDERS, "spool/recording", "etc/recorder"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.spool.chmod(0o2770)
        own = {
            "SIP_PORT": self.ports.sip,
            "TRUNK_PORT": self.ports.trunk,
            "HTTP_PORT": self.ports.http,
            "RTP_FIRST": self.ports.rtp[0],
            "RTP_LAST": self.ports.rtp[1],
            "ARI_PASSWORD": self.ari_password,
            "NOLOAD": "\n".join(f"noload = {name}.so" for name in LEFT_OUT),
        }
        for source in sorted((OVERLAY / overlay).glob("*.conf")):
            (self.folder / "etc" / source.name).write_text(fill(source.read_text(), {**own, **values}))
        for source in sorted((PROJECT / "asterisk_conf").glob("*.conf")):
            shutil.copy(source, self.folder / "etc/recorder")
        (self.folder / "etc/asterisk.conf").write_text(self._asterisk_conf())

    def start(self) -> None:
        """Start the process, which ends with ours whatever happens. Returns at once; see `wait_booted`."""
        with (self.folder / "log/output").open("ab") as output:
            self._process = subprocess.Popen(
                [
                    *(find_program("setpriv"), "--pdeathsig", "KILL"),
                    *self.tree.command(
                        "-C", self.inside(self.folder / "etc/asterisk.conf"), "-f", "-n", "-p"
                    ),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd="/",
                env=os.environ | {"TZ": TIME_ZONE},
            )

    def wait_booted(self, timeout_s: float = BOOT_S) -> None:
        """Return when every module is loaded and ARI answers; raises `LabError` with the log's last lines."""
        until = time.monotonic() + timeout_s
        while not (self.folder / "run/asterisk.ctl").exists() or "fully booted" not in self._booted():
            if time.monotonic() > until or not self.pid:
                raise LabError(
                    f"{self.folder.name}: Asterisk did not boot in {timeout_s} s.{self._last_words()}"
                )
            time.sleep(POLL_S)

    def rx(self, command: str, timeout_s: float = 20.0) -> str:
        """What Asterisk's command line answers to ``command``. Raises `LabError` if it cannot be reached."""
        conf = self.inside(self.folder / "etc/asterisk.conf")
        answer = subprocess.run(
            self.tree.command("-C", conf, "-rx", command),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if answer.returncode:
            raise LabError(f"{self.folder.name}: {command}: {(answer.stderr or answer.stdout).strip()}")
        return answer.stdout

    def console_command(self) -> str:
        """The shell command that opens its command line."""
        return " ".join(self.tree.command("-C", self.inside(self.folder / "etc/asterisk.conf"), "-r"))

    def cpu_s(self) -> float:
        """Processor time the process has used so far, user and system, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """End it without a word, as a crash does. `start` brings it back with the same ports and files."""
        self._end(self._process.kill if self._process else None)

    def stop(self) -> None:
        """Ask it to end, and see to it that it does. Harmless if it does not run."""
        self._end(self._process.terminate if self._process else None)

    def keep_log(self, path: Path) -> None:
        """Write its log and its output to ``path``, to outlive its folder."""
        parts = (self.folder / "log/output", self.log)
        path.write_text("".join(part.read_text(errors="replace") for part in parts if part.exists()))

    def _end(self, ask: object) -> None:
        process, self._process = self._process, None
        if process is None or not callable(ask):
            return
        ask()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _booted(self) -> str:
        try:
            return self.rx("core waitfullybooted")
        except (LabError, subprocess.TimeoutExpired):
            return ""

    def _last_words(self) -> str:
        lines: list[str] = []
        for name in ("log/output", "log/full"):
            with_errors = (
                (self.folder / name).read_text(errors="replace") if (self.folder / name).exists() else ""
            )
            lines += with_errors.splitlines()[-10:]
        return "\n  ".join(["", *lines])

    def _asterisk_conf(self) -> str:
        here = {name.partition("/")[0]: self.inside(self.folder / name.partition("/")[0]) for name in FOLDERS}
        return "\n".join(
            (
                "[directories]",
                *(f"astetcdir = {here['etc']}", f"astvarlibdir = {here['lib']}", f"astdbdir = {here['db']}"),
                *(
                    f"astkeydir = {here['keys']}",
                    f"astspooldir = {here['spool']}",
                    f"astrundir = {here['run']}",
                ),
                *(f"astlogdir = {here['log']}", "", "[options]", "documentation_language = en_US"),
                *("live_dangerously = no", f"maxfiles = {FILES_MAX}", ""),
            )
        )


def fill(text: str, values: Mapping[str, object]) -> str:
    """``text`` with each ``@NAME@`` replaced. Raises `LabError` for a name without a value."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in values:
            raise LabError(f"The overlay names {found[0]}, which has no value.")
        return str(values[found[1]])

    return re.sub(r"@([A-Z][A-Z_]+)@", value, text)
