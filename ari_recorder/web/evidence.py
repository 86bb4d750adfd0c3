"""A recording with what proves it, and the keys to verify it with (invariant 7)."""

from __future__ import annotations

from datetime import datetime

import msgspec
from aiohttp import web

from ari_recorder.policies.rights import Right
from ari_recorder.store import catalogue, tree_heads
from ari_recorder.store import evidence as proofs
from ari_recorder.web import audio
from ari_recorder.web.content import evidence_of
from ari_recorder.web.context import CONTEXT, scope
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import Open, operation, path_id


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
        raise Refused(409, N_("Its evidence is not signed yet; that is done within a minute."))
    name = await audio.name_of(request, row, row.media_type)
    content = evidence_of(row, proof, name, request.app[CONTEXT].now())
    return await audio.send(request, row, content, download=True)


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
