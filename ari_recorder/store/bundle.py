"""A recording with its evidence as one archive, and what it proves, without a catalogue or a network."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from ari_recorder.errors import FileError, SettingsError, TimestampError
from ari_recorder.policies import manifest, merkle
from ari_recorder.store.audit_key import PublicKey, public_key
from ari_recorder.store.evidence import Proof
from ari_recorder.store.timestamps.authorities import Authorities
from ari_recorder.store.timestamps.authorities import read as read_authorities
from ari_recorder.store.timestamps.response import verified
from ari_recorder.store.tree_heads import Head

MANIFEST, PERSONAL, PATH, HEAD, SIGNATURE, KEY = (
    "manifest.json", "personal.json", "path.txt", "head.json", "head.sig", "key.pem",
)  # fmt: skip
STAMP, ANCHORS = "stamp.tsr", "stamp-ca.pem"
"""Only of a head that has a time stamp."""
SCRIPT, README = "verify.sh", "READ-ME.txt"
TEXT_MAX_BYTES = 4 * 1024 * 1024
_TEXTS = (MANIFEST, PERSONAL, PATH, HEAD, SIGNATURE, KEY, SCRIPT, README)
_STAMP = (STAMP, ANCHORS)
_RIGHTS = 0o100600


@dataclass(frozen=True)
class Verdict:
    """Whether something holds, in a sentence."""

    ok: bool
    text: str


def archive(proof: Proof, name: str, audio: Iterable[bytes], at: datetime) -> Iterator[bytes]:
    """The archive, in blocks: the audio under that ``name``, its manifest, the proof, how to verify it.

    Without a name there is no audio in it.
    """
    sides = merkle.sides(proof.number, proof.head.size)
    path = "".join(
        f"{'left' if is_left else 'right'} {found.hex()}\n"
        for is_left, found in zip(sides, proof.path, strict=True)
    )
    texts = {
        MANIFEST: proof.texts.manifest.encode(),
        PERSONAL: proof.texts.personal.encode(),
        PATH: path.encode(),
        HEAD: proof.head.message,
        SIGNATURE: proof.head.signature_bytes,
        KEY: proof.key_pem.encode(),
        SCRIPT: _shipped(SCRIPT),
        README: _shipped(README),
    }
    if proof.stamp:
        texts |= {STAMP: proof.stamp.response, ANCHORS: proof.stamp.anchors.encode()}
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as zipped:
        for part, content in texts.items():
            zipped.writestr(_entry(part, at), content)
        yield sink.take()
        if name:
            with zipped.open(_entry(name, at), "w", force_zip64=True) as file:
                for block in audio:
                    file.write(block)
                    yield sink.take()
    yield sink.take()


def check(
    path: Path, keys: Collection[PublicKey] = (), authorities: Authorities | None = None
) -> list[Verdict]:
    """What an archive proves. ``keys`` are those that one has from the recorder itself.

    ``authorities`` are those whose time stamps one believes; without them, those that the archive names.
    Raises `SettingsError` if it is no such archive, `FileError` if it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as zipped:
            return list(_verdicts(zipped, keys, authorities))
    except OSError as error:
        raise FileError(path, "read", error) from error
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError) as error:
        raise SettingsError(f"{path} is no evidence of a recording: {error}") from error


def _verdicts(
    zipped: zipfile.ZipFile, keys: Collection[PublicKey], authorities: Authorities | None
) -> Iterator[Verdict]:
    names = zipped.namelist()
    if len(set(names)) != len(names):
        raise zipfile.BadZipFile("a file is in it twice, and programs differ in which they show.")
    texts = {name: _text(zipped, name) for name in (MANIFEST, PATH, HEAD, SIGNATURE, KEY)}
    personal = _text(zipped, PERSONAL) if PERSONAL in names else b""
    facts, head = _json(texts[MANIFEST], MANIFEST), _json(texts[HEAD], HEAD)
    yield _audio(zipped, facts)
    yield _personal(personal.decode(errors="replace"), facts)
    root = _root(merkle.leaf_hash(texts[MANIFEST]), texts[PATH].decode(errors="replace"))
    same = root == head.get("sha256") and facts.get("organisation") == head.get("organisation")
    of = f"the {head.get('size')} recordings that the head stands for, on {head.get('at')}"
    yield Verdict(same, f"The manifest {'is' if same else 'is not'} one of {of}.")
    yield from _signature(texts, head, keys)
    if STAMP in zipped.namelist():
        yield _stamp(zipped, texts[HEAD] + texts[SIGNATURE], authorities)


def _personal(personal: str, facts: dict[str, Any]) -> Verdict:
    if not personal:
        return Verdict(True, "The names and numbers are left out, or erased: the manifest has their hash.")
    same = manifest.hash_of(personal) == facts.get("personal_sha256")
    return Verdict(same, f"The names and numbers {_are(same)} those written down when it was sealed.")


def _audio(zipped: zipfile.ZipFile, facts: dict[str, Any]) -> Verdict:
    others = [info for info in zipped.infolist() if info.filename not in (*_TEXTS, *_STAMP)]
    audio = facts.get("audio")
    sealed = audio.get("sha256") if isinstance(audio, dict) else None
    if not others:
        return Verdict(True, f"There is no audio in it; what was sealed has the SHA-256 {sealed}.")
    if len(others) != 1:
        return Verdict(False, f"There are {len(others)} files that could be the audio.")
    with zipped.open(others[0]) as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    same = found == sealed
    return Verdict(
        same, f"The audio {'is' if same else 'is not'} what was sealed at {facts.get('sealed_at')}."
    )


def _signature(
    texts: dict[str, bytes], head: dict[str, Any], keys: Collection[PublicKey]
) -> Iterator[Verdict]:
    try:
        own = public_key(texts[KEY])
        signed = own.verifies(texts[SIGNATURE], texts[HEAD]) and head.get("key_id") == own.id
    except ValueError:
        yield Verdict(False, f"{KEY} is no key.")
        return
    yield Verdict(signed, f"The head {'is' if signed else 'is not'} signed with the key {own.id}.")
    if keys:
        known = own.id in {key.id for key in keys}
        yield Verdict(known, f"That key {'is' if known else 'is not'} one of those given.")


def _stamp(zipped: zipfile.ZipFile, message: bytes, authorities: Authorities | None) -> Verdict:
    try:
        known = authorities or read_authorities(_text(zipped, ANCHORS))
        found = verified(_text(zipped, STAMP), message, known)
    except TimestampError as error:
        return Verdict(False, f"The time stamp of the head does not hold. {error}")
    except ValueError as error:
        return Verdict(False, f"{ANCHORS}: {error}")
    whose = "one of those given" if authorities else f"as {ANCHORS} says, which is for you to know"
    return Verdict(
        True, f"The head was there at {found.at.isoformat()}, by {found.authority}; the authority is {whose}."
    )


def _root(leaf: bytes, path: str) -> str:
    found = leaf
    *lines, rest = path.split("\n")
    if rest:
        return ""
    for line in lines:
        side, _, text = line.partition(" ")
        try:
            other = bytes.fromhex(text)
        except ValueError:
            return ""
        if len(other) != len(leaf) or side not in ("left", "right"):
            return ""
        found = merkle.node_hash(other, found) if side == "left" else merkle.node_hash(found, other)
    return found.hex()


def _are(yes: bool) -> str:
    return "are" if yes else "are not"


def _text(zipped: zipfile.ZipFile, name: str) -> bytes:
    if zipped.getinfo(name).file_size > TEXT_MAX_BYTES:
        raise zipfile.BadZipFile(f"{name} is too long.")
    return zipped.read(name)


def _json(content: bytes, name: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError as error:
        raise zipfile.BadZipFile(f"{name} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise zipfile.BadZipFile(f"{name} is no JSON object.")
    return found


def head_of(archive: Path) -> Head:
    """The head in an archive that was checked, to be compared with one that was told elsewhere."""
    with zipfile.ZipFile(archive) as zipped:
        return Head(**_json(_text(zipped, HEAD), HEAD))


def _entry(name: str, at: datetime) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, at.timetuple()[:6])
    info.external_attr = (_RIGHTS | (0o100 if name == SCRIPT else 0)) << 16
    return info


def _shipped(name: str) -> bytes:
    return files("ari_recorder.store").joinpath("verifying", name).read_bytes()


class _Sink(io.RawIOBase):
    """What is written, to be taken away bit by bit."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        """As files say it."""
        return True

    def write(self, block: Any) -> int:
        """Keep it until it is taken."""
        content = bytes(block)
        self._blocks.append(content)
        self._at += len(content)
        return len(content)

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self._blocks)
        self._blocks.clear()
        return taken
