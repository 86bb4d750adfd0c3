"""Asking an authority for a time stamp, and what it answers: made, read and verified by `rfc3161_client`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from ari_recorder.errors import TimestampError
from ari_recorder.policies.text import harmless
from ari_recorder.store.timestamps.authorities import Authorities
from ari_recorder.store.timestamps.der import in_order
from ari_recorder.store.tree_heads import Head

SHA256 = "2.16.840.1.101.3.4.2.1"
RESPONSE_MAX_BYTES = 64 * 1024
"""More than that is no time stamp: those with their certificates have 2 to 8 KB."""
_TOLD_MAX = 300
"""Characters that are told of what an authority says."""


@dataclass(frozen=True)
class Request:
    """A question for a stamp: what is sent, and the number that its answer has to have."""

    content: bytes
    nonce: int


@dataclass(frozen=True)
class Stamp:
    """What a stamp says: when, whose certificate signed it, its number there, and of what SHA-256 it is."""

    at: datetime
    authority: str
    serial: str
    sha256: str


def stamped(head: Head) -> bytes:
    """What is stamped of a head: itself as it is signed, and its signature."""
    return head.message + head.signature_bytes


def request(message: bytes) -> Request:
    """To be sent to an authority; only the hash of the message is in it."""
    made = TimestampRequestBuilder().data(message).hash_algorithm(HashAlgorithm.SHA256).build()
    nonce = made.nonce
    assert nonce is not None, "it is asked for"
    return Request(made.as_bytes(), nonce)


def verified(response: bytes, message: bytes, authorities: Authorities, nonce: int | None = None) -> Stamp:
    """What the stamp of that message says. Raises `TimestampError` unless all of it holds.

    It has to be of this message, an answer to the request with that ``nonce``, and signed by who may give
    time stamps, whose certificate leads to one of ``authorities``, at the time that it says.
    """
    found = _read(response)
    stamp = _told(found)
    if stamp.sha256 != hashlib.sha256(message).hexdigest():
        raise TimestampError("It is a stamp of something else.")
    if nonce is not None and found.tst_info.nonce != nonce:
        raise TimestampError("It answers another request: its nonce is not that of ours.")
    try:
        verifier = VerifierBuilder(
            roots=list(authorities.roots), intermediates=list(authorities.between), nonce=nonce
        ).build()
        verifier.verify_message(found, message)
    except Exception as error:  # as below
        raise TimestampError(
            f"It is not signed by an authority that is trusted ({stamp.authority}): {_short(error)}"
        ) from error
    return stamp


def read(response: bytes) -> Stamp:
    """What a stamp says, whoever may have made it. Raises `TimestampError` if it is none."""
    return _told(_read(response))


def anchor(response: bytes, message: bytes, authorities: Authorities) -> Authorities:
    """Of these those that the stamp is verified by, and no others. Raises `TimestampError`."""
    verified(response, message, authorities)
    for some in authorities.each():
        try:
            verified(response, message, some)
        except TimestampError:
            continue
        return some
    return authorities


def _read(response: bytes) -> TimeStampResponse:
    if len(response) > RESPONSE_MAX_BYTES:
        raise TimestampError("It is no time stamp: it is too long.")
    try:
        found = decode_timestamp_response(in_order(response))
        status = found.status
        texts = " ".join(found.status_string)
    except (
        Exception
    ) as error:  # what is sent can be anything, and the libraries name no root of what they raise
        raise TimestampError(f"It is no time stamp: {_short(error)}") from error
    if status != PKIStatus.GRANTED:
        said = f": {harmless(texts, most=_TOLD_MAX)}" if texts else "."
        raise TimestampError(f"It is refused, with the status {_status(status)}{said}")
    return found


def _told(found: TimeStampResponse) -> Stamp:
    try:
        info = found.tst_info
        algorithm = info.message_imprint.hash_algorithm.dotted_string
        stamp = Stamp(
            info.gen_time.astimezone(UTC),
            _authority(found),
            f"{info.serial_number:x}",
            info.message_imprint.message.hex(),
        )
    except Exception as error:  # as above
        raise TimestampError(f"It is no time stamp: {_short(error)}") from error
    if algorithm != SHA256:
        raise TimestampError(f"It is a stamp of something else: its hash is of the kind {algorithm}.")
    return stamp


def _authority(found: TimeStampResponse) -> str:
    """The subject of the certificate that signed it; of which it is to bring the certificate along."""
    signed = found.signed_data
    signers = {(one.issuer, one.serial_number) for one in signed.signer_infos}
    for der in signed.certificates:
        certificate = x509.load_der_x509_certificate(der)
        if (certificate.issuer, certificate.serial_number) in signers:
            return harmless(certificate.subject.rfc4514_string(), most=_TOLD_MAX)
    raise ValueError("the certificate of who signed it is not in it.")


def _status(status: int) -> str:
    try:
        return f"{status} ({PKIStatus(status).name.lower()})"
    except ValueError:
        return str(status)


def _short(error: Exception) -> str:
    named = "" if isinstance(error, (ValueError, VerificationError)) else f"{type(error).__name__}: "
    return harmless(f"{named}{error}", most=_TOLD_MAX)
