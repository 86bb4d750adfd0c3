"""The tables of recordings that organisations fetch by SFTP, or have pushed to a store of theirs."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, CharField, ForeignKeyField, IntegerField, TextField

from ari_recorder.store.models.base import Table, UtcField
from ari_recorder.store.models.people import Group, Organisation
from ari_recorder.store.models.recordings import Recording


class Delivery(Table):
    """How an organisation's recordings are handed over: by whom they are fetched, and as what (row T1)."""

    organisation = ForeignKeyField(Organisation, backref="delivery", unique=True, on_delete="RESTRICT")
    form = CharField(default="", max_length=8)
    """What files are made into (`media.jobs.AudioFormat`); empty: as they are kept."""
    everybody = BooleanField(default=True)
    """Whether everybody's recordings are handed over, or those of the members of some groups."""
    login = CharField(null=True, unique=True, max_length=200)
    """What the SFTP service knows it by; None: it has no account there."""
    password_hash = CharField(null=True, max_length=200)
    acknowledges = BooleanField(default=False)
    """Whether who has fetched a file takes it out of the view by deleting it."""


class DeliveryGroup(Table):
    """A group whose members' recordings are handed over, where not everybody's are."""

    delivery = ForeignKeyField(Delivery, backref="groups", on_delete="CASCADE")
    group = ForeignKeyField(Group, on_delete="CASCADE")

    class Meta:
        indexes = ((("delivery", "group"), True),)


class DeliveryKey(Table):
    """A public key that opens an organisation's account of the SFTP service."""

    delivery = ForeignKeyField(Delivery, backref="keys", on_delete="CASCADE")
    name = CharField(max_length=100)
    text = TextField()
    """Kind and key, as in ``authorized_keys``."""
    fingerprint = CharField(max_length=64)
    """As OpenSSH shows it: ``SHA256:…``."""
    created_at = UtcField()
    created_by = CharField(max_length=200)
    seen_at = UtcField(null=True)

    class Meta:
        indexes = ((("delivery", "fingerprint"), True),)


class DeliveryTarget(Table):
    """Where an organisation's recordings are pushed to."""

    organisation = ForeignKeyField(Organisation, backref="target", unique=True, on_delete="RESTRICT")
    kind = CharField(max_length=8)
    """``sftp`` or ``s3``."""
    place = TextField()
    """JSON: what is no secret (`policies.targets`)."""
    secret = TextField(default="")
    """Encrypted: password or private key, or S3's secret key."""
    enabled = BooleanField(default=False)
    test_asked_at = UtcField(null=True)
    tested_at = UtcField(null=True)
    test_problem = TextField(default="")
    """What went wrong the last time that it was tested; empty if nothing did."""


class DeliveryDay(Table):
    """A day of an organisation as it is pushed, and whether its manifest was taken out of the view."""

    organisation = ForeignKeyField(Organisation, backref="delivery_days", on_delete="CASCADE")
    day = CharField(max_length=10)
    """``2026-11-21``, of the organisation's time zone."""
    due_at = UtcField(null=True)
    """When it is to be pushed next; None once its window is closed, or where nothing is pushed."""
    attempts = IntegerField(default=0)
    """That failed, one after the other."""
    problem = TextField(default="")
    files = IntegerField(default=0)
    """How many there were the last time."""
    sent = IntegerField(default=0)
    """How many of them have been pushed."""
    manifest_sha256 = CharField(default="", max_length=64)
    """Of the manifest that was pushed last."""
    acknowledged_sha256 = CharField(default="", max_length=64)
    """Of the manifest that was taken out of the SFTP view."""
    sent_at = UtcField(null=True)
    """When everything that there was had been pushed."""

    class Meta:
        indexes = ((("organisation", "day"), True),)


class Handed(Table):
    """A recording that was handed over, or was to be: fetched by SFTP, or pushed."""

    organisation = ForeignKeyField(Organisation, backref="handed", on_delete="CASCADE")
    recording = ForeignKeyField(Recording, backref="handed", on_delete="CASCADE")
    way = CharField(max_length=8)
    """``sftp`` or ``push``."""
    done_at = UtcField(null=True)
    """When all of it was fetched, or it lay complete where it was pushed to."""
    size_bytes = BigIntegerField(default=0)
    acknowledged_at = UtcField(null=True)
    """When it was taken out of the SFTP view."""
    problem = TextField(default="")

    class Meta:
        indexes = ((("recording", "way"), True), (("organisation", "done_at"), False))


class ConvertedSize(Table):
    """What a recording becomes in another format: made once to know it, and again when it is read."""

    recording = ForeignKeyField(Recording, backref="converted", on_delete="CASCADE")
    form = CharField(max_length=8)
    made_by = CharField(max_length=200)
    """What made it: another release may make other bytes of the same sound."""
    size_bytes = BigIntegerField(null=True)
    """None if it cannot be made."""
    sha256 = CharField(default="", max_length=64)
    problem = TextField(default="")
    at = UtcField(index=True)

    class Meta:
        indexes = ((("recording", "form"), True),)
