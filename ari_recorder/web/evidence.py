"""A recording with what proves it, and the keys to verify it with (invariant 7)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from aiohttp import web

from ari_recorder.policies.rights import Right
from ari_recorder.store import bundle, catalogue, tree_heads
from ari_recorder.store import evidence as proofs
from ari_recorder.store.audit import Action, Subject
from ari_recorder.store.timestamps.rows import KeptStamp
from ari_recorder.store.tree_heads import Head
from ari_recorder.web import audio, auditing, page
from ari_recorder.web.content import evidence_of
from ari_recorder.web.context import CONTEXT, own_organisation, scope
from ari_recorder.web.filenames import content_disposition
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import Open, operation, path_id
from ari_recorder.web.thread import aside

HEADS_SHOWN = 100
NOT_SIGNED = N_("Its evidence is not signed yet; that is done within a minute.")


@operation(
    "GET",
    "/api/v1/recordings/{id}/evidence",
    need=Right.RECORDINGS_LISTEN,
    media_type="application/zip",
    problems=(409,),
)
async def recording_evidence(request: web.Request) -> web.StreamResponse:
    """The recording with what proves it: audio, manifest, proof, signed head, key, how to verify them.

    409 while there is no audio, or no head with it is signed: that is done within a minute.
    """
    store, asker = request.app[CONTEXT].store, scope(request)
    row = await store.read(catalogue.heard, asker, path_id(request))
    proof = await store.read(proofs.proof, asker, row.id)
    if proof is None:
        raise Refused(409, NOT_SIGNED)
    name = await audio.name_of(request, row, row.media_type)
    content = evidence_of(row, proof, name, request.app[CONTEXT].now())
    return await audio.send(request, row, content, download=True)


class TimeStamp(msgspec.Struct):
    """A time stamp of a head (RFC 3161): by an authority outside, `at` its time."""

    at: datetime
    authority: str
    """The subject of the certificate that signed it."""
    serial: str
    """Its number there, in hexadecimal."""
    stamped_sha256: str
    """What is stamped: the SHA-256 of the head as it is signed and its signature, one after the other."""
    response: str
    """What the authority answered (DER), in base64: what `openssl ts -verify -in` reads."""
    authorities: str
    """The certificates that it was verified by (PEM)."""
    told: str
    """As the recorder's log tells it."""


class SignedHead(msgspec.Struct):
    """What stood for the first `size` recordings of the organisation, when it was signed."""

    size: int
    sha256: str
    """The root of the tree (RFC 9162)."""
    at: str
    key_id: str
    signature: str
    """Of the other members as JSON, with sorted names and no spaces, and `organisation` with them."""
    told: str
    """As the recorder's log tells it."""
    stamp: TimeStamp | None
    """Null for one that no authority has stamped."""


class SignedHeads(msgspec.Struct):
    """The newest signed heads, and the last that were time-stamped, the newest first."""

    organisation: UUID
    heads: list[SignedHead]


@operation("GET", "/api/v1/evidence", need=Right.EVIDENCE_READ)
async def evidence(request: web.Request) -> SignedHeads:
    """What the organisation's evidence stands on: to be kept elsewhere, and compared one day."""
    found = await request.app[CONTEXT].store.read(proofs.heads, scope(request), HEADS_SHOWN)
    return SignedHeads(own_organisation(request), [_signed(head, stamp) for head, stamp in found])


def _signed(head: Head, stamp: KeptStamp | None) -> SignedHead:
    return SignedHead(
        head.size,
        head.sha256,
        head.at,
        head.key_id,
        head.signature,
        head.told,
        _stamp(stamp) if stamp else None,
    )


def _stamp(one: KeptStamp) -> TimeStamp:
    return TimeStamp(
        one.at, one.authority, one.serial, one.stamped_sha256, one.response_base64, one.anchors, one.told
    )


@operation(
    "GET",
    "/api/v1/evidence/recordings/{id}",
    need=Right.EVIDENCE_READ,
    media_type="application/zip",
    problems=(409,),
)
async def recording_proof(request: web.Request) -> web.Response:
    """What a recording was, with the proof of it, and without its audio: for who may not hear it.

    409 while no head with it is signed: that is done within a minute.
    """
    context, recording = request.app[CONTEXT], path_id(request)
    proof = await context.store.read(proofs.certified, scope(request), recording)
    if proof is None:
        raise Refused(409, NOT_SIGNED)
    await auditing.note(
        request, Action.DOWNLOAD, Subject("recording", str(recording)), {"form": "evidence", "audio": False}
    )
    content = await aside(lambda: b"".join(bundle.archive(proof, "", (), context.now())))
    headers = {"Content-Disposition": content_disposition(f"evidence_{recording}.zip")}
    return web.Response(body=content, content_type="application/zip", headers=headers)


async def show(request: web.Request) -> web.Response:
    """``GET /evidence``: the signed heads, and what to do with them."""
    store, asker = request.app[CONTEXT].store, scope(request)
    found = await store.read(proofs.heads, asker, HEADS_SHOWN)
    values = {
        "heads": [(datetime.fromisoformat(one.at), one, stamp) for one, stamp in found],
        "stamped": any(stamp for _, stamp in found),
        "keys": await store.read(tree_heads.published),
        "ledger": Right.LEDGER_READ in asker.rights,
    }
    return await page.render(request, "evidence.html", values)


class PublicKey(msgspec.Struct):
    """A key that signs evidence, or once did, since when; ``id`` is what heads name it by."""

    id: str
    pem: str
    since: datetime


class PublicKeys(msgspec.Struct):
    """Every key that signs evidence, or once did."""

    keys: list[PublicKey]


@operation("GET", "/api/v1/evidence/keys", need=Open.PUBLIC)
async def evidence_keys(request: web.Request) -> PublicKeys:
    """The public keys that evidence is verified with. They are no secret: nobody has to sign in."""
    found = await request.app[CONTEXT].store.read(tree_heads.published)
    return PublicKeys([PublicKey(*one) for one in found])
