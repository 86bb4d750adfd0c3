"""The tables of what proves recordings."""

from __future__ import annotations

from peewee import CharField, IntegerField, TextField, UUIDField

from ari_recorder.store.models.base import Table, UtcField


class Manifest(Table):
    """What was written down of a recording when it was sealed: a leaf of the organisation's tree.

    It outlives what it tells of: of a recording that is disposed of, the hash stays and both texts are empty.
    """

    organisation = UUIDField()
    number = IntegerField()
    """Counts from 0, without a gap."""
    recording = UUIDField(unique=True)
    text = TextField()
    personal = TextField()
    """What `text` has the hash of: names and numbers, with a salt. Empty once they are erased."""
    sha256 = CharField(max_length=64)
    """Of the leaf (RFC 9162)."""

    class Meta:
        indexes = ((("organisation", "number"), True),)


class TreeNode(Table):
    """A complete node above the leaves; it never changes."""

    organisation = UUIDField()
    level = IntegerField()
    number = IntegerField()
    sha256 = CharField(max_length=64)

    class Meta:
        indexes = ((("organisation", "level", "number"), True),)


class Tree(Table):
    """How many leaves an organisation's tree has."""

    organisation = UUIDField(unique=True)
    size = IntegerField()


class TreeHead(Table):
    """A signed head of an organisation's tree."""

    organisation = UUIDField()
    size = IntegerField()
    sha256 = CharField(max_length=64)
    """The root."""
    at = UtcField()
    key_id = CharField(max_length=64)
    signature = TextField()

    class Meta:
        indexes = ((("organisation", "size"), True),)


class HeadStamp(Table):
    """A time stamp (RFC 3161) of a signed head, which an authority outside gave; never changed."""

    organisation = UUIDField()
    number = IntegerField()
    """Of the organisation's stamps, from 1 on without a gap: one that is taken away is missed."""
    size = IntegerField()
    """The head's."""
    stamped_sha256 = CharField(max_length=64)
    """Of the head and its signature."""
    at = UtcField()
    """By the authority's clock."""
    authority = TextField()
    """Whose certificate signed it."""
    serial = CharField(max_length=64)
    """Its number there."""
    response = TextField()
    """What the authority answered (DER), in base64."""
    sha256 = CharField(max_length=64)
    """Of that."""
    anchors = TextField()
    """The certificates that it was verified by when it came (PEM)."""
    kept_at = UtcField()
    """By our clock."""

    class Meta:
        indexes = ((("organisation", "size"), True), (("organisation", "number"), True))
