"""The second factor as libraries check it: codes of authenticator apps (`pyotp`), passkeys (`webauthn`).

Sources: RFC 6238 (TOTP), Web Authentication Level 3.
"""

from __future__ import annotations

import ipaddress
import secrets
import struct
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec
import pyotp
import segno
import webauthn
from aiohttp import web
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from ari_recorder.store.models import new_id
from ari_recorder.store.second_factors import PASSKEY, TOTP, Factor
from ari_recorder.web.client import client
from ari_recorder.web.context import LANGUAGE
from ari_recorder.web.cookies import came_by_https
from ari_recorder.web.language import N_

ISSUER = "My Pages"
CODES = 10
"""Recovery codes that are made at once."""
_GROUPS, _GROUP = 4, 6
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
"""32, without what is easily misread: 24 of them are 120 bits."""
STEPS = (-1, 0, 1)
"""A phone's clock may differ by one step of 30 s (RFC 6238, 5.2)."""
CHALLENGE = timedelta(minutes=5)
CHALLENGES_MAX = 10_000
UNREADABLE = (
    WebAuthnException,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    struct.error,
)
"""What the library raises for what is no answer of a passkey."""


class NoPasskeys(StrEnum):
    """Why a browser offers no passkeys for the address by which it came."""

    NOT_SECURE = "not_secure"
    """Plain HTTP, and not of this machine."""
    NO_NAME = "no_name"
    """An IP address: passkeys belong to a name."""


HINTS = {
    NoPasskeys.NO_NAME: N_(
        "Passkeys belong to a name, not to a number. Open these pages by their name and HTTPS; on the machine"
        " itself as http://localhost."
    ),
    NoPasskeys.NOT_SECURE: N_(
        "Passkeys need HTTPS. Open these pages by an address that begins with https://; on the machine itself"
        " as http://localhost."
    ),
}


class Passkey(msgspec.Struct):
    """A passkey's public part, as it is kept."""

    id: bytes
    public_key: bytes
    host: str


class Challenges:
    """What a passkey has to sign: made for a session, good for a few minutes and one answer."""

    def __init__(self) -> None:
        self._made: OrderedDict[UUID, tuple[bytes, datetime]] = OrderedDict()

    def new(self, session: UUID, now: datetime) -> bytes:
        """A new one, in place of the session's last."""
        self._made.pop(session, None)
        self._made[session] = (secrets.token_bytes(32), now)
        while len(self._made) > CHALLENGES_MAX:
            self._made.popitem(last=False)
        return self._made[session][0]

    def take(self, session: UUID, now: datetime) -> bytes | None:
        """The session's challenge, which is thereby used up; None when there is none, or it is too old."""
        challenge, made_at = self._made.pop(session, (None, now))
        return challenge if now - made_at < CHALLENGE else None


CHALLENGES = web.AppKey("challenges", Challenges)


def new_totp_secret() -> str:
    """160 random bits, as apps take them."""
    return pyotp.random_base32()


def totp_address(secret: str, login: str) -> str:
    """What the picture says: app, login and secret."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)


def picture(text: str) -> str:
    """A QR code as the address of a picture: dark on light in every theme, as cameras need it."""
    return segno.make(text, error="m").svg_data_uri(scale=5, border=3, dark="#000", light="#fff")


def totp_step(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose code that is; None when it is none of now."""
    totp, plain = pyotp.TOTP(secret), "".join(code.split())
    current = totp.timecode(now)
    found = [
        step
        for step in (current + shift for shift in STEPS)
        if secrets.compare_digest(totp.generate_otp(step).encode(), plain.encode())
    ]
    return max(found, default=None)


def new_codes() -> list[str]:
    """Recovery codes, each for once."""
    return ["-".join(_group() for _ in range(_GROUPS)) for _ in range(CODES)]


def _group() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(_GROUP))


def made_totp(sealed: str, name: str, step: int, now: datetime) -> Factor:
    """A new authenticator app, with the step of the code that proved it."""
    return Factor(new_id(), TOTP, name, sealed, step, now, None)


def no_passkeys(request: web.Request) -> NoPasskeys | None:
    """Why passkeys cannot be used by the address that the browser came by; None when they can.

    Web Authentication, 5.1.3: the page is a secure context, and the host a name.
    """
    host = client(request).name
    try:
        ipaddress.ip_address(host)
    except ValueError:
        local = host == "localhost" or host.endswith(".localhost")
        return None if local or came_by_https(request) else NoPasskeys.NOT_SECURE
    return NoPasskeys.NO_NAME


def why_no_passkeys(request: web.Request) -> str:
    """As `no_passkeys`, in the reader's language, with what to do; empty when there is nothing to say."""
    reason = no_passkeys(request)
    return request[LANGUAGE].gettext(HINTS[reason]) if reason else ""


def creation_options(
    request: web.Request, user: UUID, login: str, challenge: bytes, known: Iterable[Factor]
) -> str:
    """What the browser needs to make a passkey, as JSON."""
    options = webauthn.generate_registration_options(
        rp_id=client(request).name,
        rp_name=ISSUER,
        user_id=user.bytes,
        user_name=login,
        challenge=challenge,
        exclude_credentials=_descriptors(known),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.DISCOURAGED,  # the password was given already
        ),
    )
    return webauthn.options_to_json(options)


def made_passkey(
    request: web.Request, credential: str, challenge: bytes, name: str, now: datetime
) -> Factor | None:
    """The passkey that the browser has made; None when it is not right."""
    host = client(request).name
    try:
        found = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=host,
            expected_origin=_origin(request),
        )
    except UNREADABLE:
        return None
    passkey = Passkey(found.credential_id, found.credential_public_key, host)
    secret = msgspec.json.encode(passkey).decode()
    return Factor(new_id(), PASSKEY, name, secret, found.sign_count, now, None)


def request_options(request: web.Request, challenge: bytes, known: Iterable[Factor]) -> str:
    """What the browser needs to use one of the passkeys, as JSON."""
    options = webauthn.generate_authentication_options(
        rp_id=client(request).name,
        challenge=challenge,
        allow_credentials=_descriptors(known),
        user_verification=UserVerificationRequirement.DISCOURAGED,
    )
    return webauthn.options_to_json(options)


def used_passkey(
    request: web.Request, credential: str, challenge: bytes, known: Iterable[Factor]
) -> tuple[Factor, int] | None:
    """Which passkey has signed the challenge, and its counter then; None when none has."""
    factor = _named(credential, known)
    if factor is None:
        return None
    passkey = _passkey(factor)
    try:
        found = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=passkey.host,
            expected_origin=_origin(request),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=factor.used,
        )
    except UNREADABLE:
        return None
    return factor, found.new_sign_count


def _named(credential: str, known: Iterable[Factor]) -> Factor | None:
    try:
        raw = msgspec.json.decode(credential.encode(), type=dict[str, object]).get("rawId")
        id_ = webauthn.base64url_to_bytes(raw) if isinstance(raw, str) else b""
    except (msgspec.MsgspecError, ValueError):
        return None
    return next((factor for factor in known if _passkey(factor).id == id_), None)


def _passkey(factor: Factor) -> Passkey:
    return msgspec.json.decode(factor.secret.encode(), type=Passkey)


def _descriptors(known: Iterable[Factor]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=_passkey(factor).id) for factor in known]


def _origin(request: web.Request) -> str:
    return f"{'https' if came_by_https(request) else 'http'}://{client(request).host}"
