"""The certificates of a time-stamp response, put into the order in which DER has the members of a set.

RFC 3161 has responses in DER, and those of authorities that are made with OpenSSL, which are many, have the
certificates in any order. The library that reads responses insists on DER's. What is signed is not touched.
"""

from __future__ import annotations

from pyasn1.codec.der import decoder, encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type import namedtype, tag, univ


def in_order(response: bytes) -> bytes:
    """The same response with its sets in order. Raises `ValueError` for what is no response."""
    try:
        read, rest = decoder.decode(response, asn1Spec=_Response())
        if rest:
            raise ValueError(f"{len(rest)} bytes come after its end")
        return bytes(encoder.encode(read))
    except (PyAsn1Error, RecursionError) as error:
        raise ValueError(str(error)) from error


def _own(number: int) -> tag.Tag:
    return tag.Tag(tag.tagClassContext, tag.tagFormatConstructed, number)


class _Parts(univ.SequenceOf):  # type: ignore[misc]
    """A sequence whose parts stay as they are, byte for byte."""

    componentType = univ.Any()


class _Set(univ.SetOf):  # type: ignore[misc]
    """A set whose members stay as they are; written, they are in order."""

    componentType = univ.Any()


class _SignedData(univ.Sequence):  # type: ignore[misc]
    """RFC 5652, 5.1."""

    componentType = namedtype.NamedTypes(
        namedtype.NamedType("version", univ.Integer()),
        namedtype.NamedType("digestAlgorithms", _Set()),
        namedtype.NamedType("encapContentInfo", _Parts()),
        namedtype.OptionalNamedType("certificates", _Set().subtype(implicitTag=_own(0))),
        namedtype.OptionalNamedType("crls", _Set().subtype(implicitTag=_own(1))),
        namedtype.NamedType("signerInfos", _Set()),
    )


class _Token(univ.Sequence):  # type: ignore[misc]
    """RFC 5652, 3."""

    componentType = namedtype.NamedTypes(
        namedtype.NamedType("contentType", univ.ObjectIdentifier()),
        namedtype.NamedType("content", _SignedData().subtype(explicitTag=_own(0))),
    )


class _Response(univ.Sequence):  # type: ignore[misc]
    """RFC 3161, 2.4.2."""

    componentType = namedtype.NamedTypes(
        namedtype.NamedType("status", _Parts()),
        namedtype.OptionalNamedType("timeStampToken", _Token()),
    )
