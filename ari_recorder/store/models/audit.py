"""The tables of the audit log, and the keys that it and the trees are signed with."""

from __future__ import annotations

from peewee import CharField, IntegerField, TextField, UUIDField

from ari_recorder.store.models.base import Table, UtcField


class AuditLine(Table):
    """Something that somebody did or tried; each holds the hash of the one before, of its organisation."""

    organisation = UUIDField()
    """All zeros: the provider's own. No foreign key: the log outlives what it tells of."""
    number = IntegerField()
    """Counts from 1, without a gap."""
    at = UtcField()
    actor_kind = CharField(max_length=16)
    """``user``, ``token``, ``command_line`` or ``nobody``."""
    actor = CharField(max_length=64)
    """Id of the user or token, or the name of the machine's user."""
    actor_name = CharField(max_length=200)
    address = CharField(max_length=64)
    action = CharField(max_length=40)
    subject_kind = CharField(max_length=32)
    subject = CharField(max_length=200)
    detail = TextField()
    """JSON: what it was and what it became, or which stretch was heard."""
    before = CharField(max_length=64)
    """Hash of the line before."""
    sha256 = CharField(max_length=64)

    class Meta:
        indexes = (
            (("organisation", "number"), True),
            (("organisation", "at"), False),
            (("organisation", "subject"), False),
        )


class AuditHead(Table):
    """How far an organisation's audit log has come: changed by who writes the next line."""

    organisation = UUIDField(unique=True)
    number = IntegerField()
    sha256 = CharField(max_length=64)


class AuditSeal(Table):
    """A signed head of an organisation's audit log."""

    organisation = UUIDField()
    number = IntegerField()
    sha256 = CharField(max_length=64)
    at = UtcField()
    key_id = CharField(max_length=64)
    signature = TextField()

    class Meta:
        indexes = ((("organisation", "number"), True),)


class SigningKey(Table):
    """The public half of a key that signs heads and seals, or once did."""

    key_id = CharField(unique=True, max_length=64)
    pem = TextField()
    since = UtcField()
