"""Settings: one typed tree, read from a TOML file and the environment.

Precedence, last wins: defaults, the file, the environment. A variable is the key's path in capitals
behind ``ARI_RECORDER_``, parts joined by two underscores: ``ARI_RECORDER_WEB__PORT=8090``,
``ARI_RECORDER_PBX__MAIN__PASSWORD=secret``. An unknown key is an error, in either place.
`docs/reference/settings.md` lists every key; a test holds the two together.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from ari_recorder.errors import SettingsError
from ari_recorder.policies.proxies import Networks

PREFIX = "ARI_RECORDER_"
CONFIG_VARIABLE = "ARI_RECORDER_CONFIG"

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
PositiveSeconds = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
_APP = r"^[A-Za-z0-9_-]{1,64}$"
_PBX_NAME = r"^[a-z0-9_-]{1,32}$"
_PBX_URL = r"(?i)^https?://[^\s/?#]+(/[^\s?#]*)?(?<!/ari)(?<!/ari/)$"
_URL_OR_NONE = r"^(https?://[^\s/?#]\S*)?$"
_PATTERNS = {
    _APP: "1–64 of A-Z a-z 0-9 _ -",
    _PBX_NAME: "a name of 1–32 of a-z 0-9 _ -, as in pbx.main",
    _PBX_URL: "an address such as http://10.0.0.5:8088, without /ari",
    _URL_OR_NONE: "an address that begins with http:// or https://",
}
"""What they are in words."""
AudioFormat = Literal["opus", "flac", "wav"]


class Names(tuple[str, ...]):
    """Names of hosts, in small letters."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> Names:
        """Raises `ValueError` for a text that is neither a name nor an address."""
        return cls(_name(text.strip().lower()) for text in texts if text.strip())

    def __str__(self) -> str:
        return ", ".join(self)


def _name(text: str) -> str:
    if re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]", text):
        return text
    raise ValueError(f"{text!r} is no name of a host: recorder.example, 192.0.2.7, [2001:db8::7], no port")


class Pbx(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One Asterisk."""

    url: Annotated[str, msgspec.Meta(pattern=_PBX_URL)] = "http://127.0.0.1:8088"
    """Base address of Asterisk's HTTP server, without ``/ari``."""
    username: str = "ari_recorder"
    """User in `ari.conf`."""
    password: str = ""
    """That user's password."""
    spool: Path = Path("/var/spool/asterisk/recording")
    """Asterisk's recording folder as this program sees it; it must be readable and writable."""
    timeout_s: PositiveSeconds = 5.0
    """How long a request to Asterisk may take."""
    connections: Annotated[int, msgspec.Meta(ge=1, le=256)] = 16
    """Most connections held open to Asterisk at once."""
    gone_after_s: PositiveSeconds = 300.0
    """How long it may not answer before its calls are taken for ended, and finished with what there is."""


class Store(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The catalogue."""

    url: str = "sqlite:////var/lib/ari_recorder/catalogue.db"
    """``sqlite:///relative/path``, ``sqlite:////absolute/path`` or ``postgresql://user@host/name``."""


class Vault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where finished audio is kept."""

    path: Path = Path("/var/lib/ari_recorder/vault")
    """Folder of the local vault."""
    url: str = ""
    """Address of a vault in an S3-compatible store, instead of the folder: ``s3://bucket/prefix``."""
    access_key: str = ""
    """Access key of that store; empty: as AWS' own tools find one."""
    secret_key: str = ""
    """Its secret."""
    key_file: Path = Path("/var/lib/ari_recorder/master.key")
    """File of the master key, which opens every recording; made at the first start, for its owner alone.

    Back it up, apart from the vault and the catalogue: without it nobody hears a recording again.
    """
    key: str = ""
    """The master key itself, instead of a file: 32 bytes in base64; of several, the current one first."""
    key_command: str = ""
    """Command that tells the master key on its standard output, instead of a file."""


class Media(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From segments to a file."""

    format: AudioFormat = "opus"
    """What recordings are kept as."""
    work: Path = Path("/var/lib/ari_recorder/work")
    """Folder for files being made; what is left of an interrupted one is removed at start."""
    workers: Annotated[int, msgspec.Meta(ge=1, le=16)] = 1
    """Most recordings stitched and encoded at once; each is a process of low priority."""
    segment_max_s: PositiveSeconds = 3600.0
    """Longest segment; a longer call rolls over to the next segment without a gap."""


class Web(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """My Pages, the API and the health endpoints."""

    host: str = "127.0.0.1"
    """Address to bind."""
    port: Port = 8090
    """Port to bind; 0 takes any free one."""
    tls_certificate: Path | None = None
    """Certificate for HTTPS, with what leads to its authority (PEM); read again when it changes."""
    tls_key: Path | None = None
    """Its private key (PEM)."""
    trusted_proxies: Networks = Networks()
    """Addresses and networks of the proxies whose ``X-Forwarded-`` headers are believed."""
    hosts: Names = Names()
    """Names that the pages may be asked for by; none: any."""
    unencrypted: bool = False
    """Serve without TLS and without a proxy where others may reach the address, too."""
    health_host: str = "127.0.0.1"
    """Address to bind for ``health_port``."""
    health_port: Port | None = None
    """Port of its own for health and counters, for whoever reaches it; 0 takes any free one."""
    key_file: Path = Path("/var/lib/ari_recorder/session.key")
    """Key for the secrets of second factors and for forms; made at the first start, for its owner alone."""
    session_hours: PositiveSeconds = 12.0
    """How long a sign-in lasts at most."""
    session_idle_hours: PositiveSeconds = 2.0
    """How long it lasts while nothing is asked for and no live feed is open."""
    connections_max: Annotated[int, msgspec.Meta(ge=8, le=30_000)] = 500
    """Most connections at once; fewer, where the limit of open files leaves fewer to the pages."""
    connections_per_address_max: Annotated[int, msgspec.Meta(ge=1, le=30_000)] = 100
    """Most connections at once of one IPv4 address or IPv6 /64 network; this machine's own is not limited."""
    requests_per_minute_max: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1200
    """Most requests a minute of one person, or of one token."""
    requests_per_minute_per_address_max: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 600
    """Most requests a minute from one address by those who are not signed in."""
    idle_s: PositiveSeconds = 15.0
    """How long a connection may wait with its first or next request, and with the rest of one."""


class Webhooks(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What others are told of recordings, at addresses that administrators name."""

    allow_inside: Networks = Networks()
    """Addresses and networks of the inside to which something may be sent; none: to the internet alone."""
    allow_http: bool = False
    """Whether webhooks may be without TLS: who is on the way reads what is sent."""
    pages_url: Annotated[str, msgspec.Meta(pattern=_URL_OR_NONE)] = ""
    """Address of My Pages as receivers reach it, for links: ``https://recorder.example``."""


class Sftp(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The SFTP service, from which organisations fetch their recordings."""

    host: str = ""
    """Address to bind; empty: there is no service."""
    port: Port = 2022
    """Port to bind; 0 takes any free one."""
    host_key_file: Path = Path("/var/lib/ari_recorder/sftp_host.key")
    """The service's own key, by which clients know it; made at the first start, for its owner alone."""
    passwords: bool = False
    """Whether an account may have a password; otherwise it is opened by keys alone."""
    sessions_max: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 32
    """Most sessions at once."""
    sessions_per_account_max: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 8
    """Most sessions at once of one organisation."""
    handles_max: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 64
    """Most files and folders that a session has open at once."""
    bytes_per_s_max: Annotated[int, msgspec.Meta(ge=10_000, le=10_000_000_000)] = 12_500_000
    """Most bytes a second that are sent, to all together."""
    idle_s: PositiveSeconds = 300.0
    """How long a session may ask for nothing, or not read what it is sent."""


class Audit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The audit log."""

    key_file: Path | None = None
    """Key that signs the audit log, made at the first start, readable by its owner alone.

    None: `audit.key` beside `web.key_file`.
    """


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What proves recordings."""

    timestamp_url: Annotated[str, msgspec.Meta(pattern=_URL_OR_NONE)] = ""
    """Address of a Time-Stamping Authority (RFC 3161) that stamps the signed heads; empty: none does."""
    timestamp_ca_file: Path | None = None
    """Certificates that its stamps have to lead to (PEM); none: those that the machine trusts."""
    timestamp_every_s: PositiveSeconds = 3600.0
    """At most so often a head of an organisation is stamped, and only if there is a new one."""


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The program's own log, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe line that is written."""
    format: Literal["text", "json"] = "text"
    """Lines for people or for programs."""
    traces: Path | None = None
    """Folder for traces: what each leg was told and asked for, to report a fault with. None: no traces."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole tree."""

    app: Annotated[str, msgspec.Meta(pattern=_APP)] = "ari_recorder"
    """Name of the Stasis application."""
    pbx: dict[Annotated[str, msgspec.Meta(pattern=_PBX_NAME)], Pbx] = {}
    """Every Asterisk by a name of its own, which its calls carry."""
    store: Store = Store()
    vault: Vault = Vault()
    media: Media = Media()
    sftp: Sftp = Sftp()
    web: Web = Web()
    webhooks: Webhooks = Webhooks()
    audit: Audit = Audit()
    evidence: Evidence = Evidence()
    log: Log = Log()

    @property
    def audit_key(self) -> Path:
        """The file of the key that signs the audit log."""
        return self.audit.key_file or self.web.key_file.with_name("audit.key")


_SECTIONS: dict[str, tuple[str, ...]] = {
    "": Settings.__struct_fields__,
    "pbx": Pbx.__struct_fields__,
    **{
        name: type(part).__struct_fields__
        for name in Settings.__struct_fields__
        if isinstance(part := getattr(Settings(), name), msgspec.Struct)
    },
}
"""The keys by their section."""
_NEAR_ENOUGH = 0.6


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    ``path`` is the TOML file; without one the file that ``ARI_RECORDER_CONFIG`` names, and without
    that none. Raises `SettingsError` naming the file, the key and what is allowed.
    """
    path = file_of(path, environ)
    tree = _read_file(path) if path else {}
    _convert(tree, f"the file {path}")  # alone first, so that the message names where the fault is
    tree = _merge(tree, _read_environment(environ))
    tree.setdefault("pbx", {"main": {}})
    return _convert(tree, f"the environment ({PREFIX}…)")


def file_of(path: Path | None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The file that `load` reads; None for none."""
    named = environ.get(CONFIG_VARIABLE)
    return Path(named) if path is None and named else path


def _convert(tree: dict[str, Any], source: str) -> Settings:
    try:
        return msgspec.convert(tree, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        what, where, hint = *_in_words(str(error)), _nearest(str(error))
        raise SettingsError(
            f"Settings from {source}: {where}{what}.{hint} See docs/reference/settings.md."
        ) from error


_TYPES = {"`object`": "a table", "`array`": "a list", "`str`": "text", "`int`": "a whole number",
          "`float`": "a number", "`bool`": "true or false"}  # fmt: skip


def _in_words(refusal: str) -> tuple[str, str]:
    """What is wrong, and the key that it is about, as the reference writes it."""
    what, _, where = refusal.partition(" - at `")
    key = where.removeprefix("key` in `").strip("`$.").replace("[...]", ".NAME")
    for pattern, words in _PATTERNS.items():
        what = what.replace(f"`str` matching regex {pattern!r}", words)
    for name, words in _TYPES.items():
        what = what.replace(name, words)
    return what[:1].lower() + what[1:] if key else what, f"{key}: " if key else ""


def _nearest(refusal: str) -> str:
    """The known key nearest to one that is unknown: of the same section first, then anywhere."""
    found = re.fullmatch(
        r"Object contains unknown field `(?P<key>.*?)`(?: - at `\$\.?(?P<where>.*)`)?", refusal
    )
    if not found:
        return ""
    section = (found["where"] or "").partition("[")[0]
    paths = [f"{section}.{key}".lstrip(".") for key in _SECTIONS.get(section, ())]
    near = difflib.get_close_matches(f"{section}.{found['key']}".lstrip("."), paths, 1, _NEAR_ENOUGH)
    if not near:
        known = {key: f"{name}.{key}".lstrip(".") for name, keys in _SECTIONS.items() for key in keys}
        near = [known[key] for key in difflib.get_close_matches(found["key"], known, 1, _NEAR_ENOUGH)]
    return f" Did you mean {near[0].replace('pbx.', 'pbx.NAME.')}?" if near else ""


_LISTS: dict[type, Callable[[Iterable[str]], object]] = {Networks: Networks.of, Names: Names.of}


def _decode(wanted: type, value: object) -> object:
    if wanted in _LISTS:
        return _LISTS[wanted](_texts(value))
    if wanted is Path and isinstance(value, str) and value:
        return Path(value)
    raise ValueError(f"Expected the path of a file or folder, got {value!r}")


def _texts(value: object) -> list[str]:
    """A list in the file; in the environment a text, its parts separated by commas."""
    if isinstance(value, str):
        return value.split(",")
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return value
    raise ValueError(f"Expected a list of texts, got {value!r}")


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"Settings file {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"Settings file {path} is not valid TOML: {error}.") from error


def _read_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in environ.items():
        if not name.startswith(PREFIX) or name == CONFIG_VARIABLE:
            continue
        *parents, key = name[len(PREFIX) :].lower().split("__")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise SettingsError(
                    f"{name} is set inside {parent!r}, which another variable sets as a whole."
                )
        if isinstance(node.get(key), dict):
            raise SettingsError(f"{name} is set as a whole, but another variable sets a part of it.")
        node[key] = value
    return tree


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
