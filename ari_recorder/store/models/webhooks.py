"""The tables of webhooks: what is told to whom, and how that went."""

from __future__ import annotations

from peewee import SQL, BooleanField, CharField, ForeignKeyField, IntegerField, TextField, UUIDField

from ari_recorder.store.models.base import Table, UtcField
from ari_recorder.store.models.people import Organisation


class Webhook(Table):
    """An address that is told of what happens in an organisation."""

    organisation = ForeignKeyField(Organisation, backref="webhooks", on_delete="CASCADE")
    name = CharField(max_length=100)
    url = CharField(max_length=2000)
    events = TextField()
    """Of what it is told (`policies.webhooks.events.EventType`), parted by spaces."""
    personal = BooleanField(default=False)
    """Whether it is told names and numbers."""
    secret = TextField()
    """Encrypted; what is sent is signed with it."""
    secret_before = TextField(default="")
    """As `secret`: the one before, which counts until `before_until`."""
    before_until = UtcField(null=True)
    created_at = UtcField()
    created_by = CharField(max_length=200)
    stopped = CharField(default="", max_length=16)
    """Why nothing is sent (`policies.webhooks.sending.Stopped`); empty if something is."""
    stopped_at = UtcField(null=True)
    failures = IntegerField(default=0)
    """In a row."""
    failing_since = UtcField(null=True)
    rests_until = UtcField(null=True)
    delivered_at = UtcField(null=True)
    """When it last took something."""
    dropped = IntegerField(default=0)
    """Events that it was not told, as too many waited."""
    sender = CharField(default="", max_length=200)
    """Which process sends to it until `sender_until`: recorders may share a catalogue."""
    sender_until = UtcField(null=True)


class Outbox(Table):
    """Something that has happened, written in the commit in which it did; taken out for each hook."""

    organisation = UUIDField()
    type = CharField(max_length=40)
    subject = UUIDField()
    place = IntegerField()
    """Its order among those of the same subject."""
    at = UtcField()
    data = TextField()
    """JSON, without names and numbers."""


class WebhookDelivery(Table):
    """An event that a hook is told, or was."""

    webhook = ForeignKeyField(Webhook, backref="deliveries", on_delete="CASCADE")
    event = UUIDField()
    type = CharField(max_length=40)
    subject = UUIDField()
    place = IntegerField()
    at = UtcField()
    data = TextField()
    created_at = UtcField(index=True)
    state = CharField(max_length=16)
    """``waiting``, ``delivered`` or ``failed``."""
    tries = IntegerField(default=0)
    """Attempts since it was last begun with."""
    attempts = IntegerField(default=0)
    """All attempts."""
    next_at = UtcField()
    status = IntegerField(null=True)
    """Of the last answer; 0 if there was none."""

    class Meta:
        indexes = ((("webhook", "event"), True), (("webhook", "created_at"), False))


class WebhookAttempt(Table):
    """How sending an event went, once."""

    delivery = ForeignKeyField(WebhookDelivery, backref="tried", on_delete="CASCADE")
    number = IntegerField()
    at = UtcField()
    status = IntegerField()
    """0 if there was no answer."""
    took_ms = IntegerField()
    error = TextField()
    answer = TextField()
    """How it begins."""

    class Meta:
        indexes = ((("delivery", "number"), True),)


# What grows with the catalogue is never looked through for what goes on, waits, or is to be cleared.
for name, columns, state in (
    ("due", "webhook_id, next_at", "waiting"),
    ("order", "webhook_id, subject, place", "waiting"),
    ("failed", "webhook_id, id", "failed"),
):
    statement = (
        f"CREATE INDEX webhook_delivery_{name} ON webhook_delivery ({columns}) WHERE state = '{state}'"
    )
    WebhookDelivery.add_index(SQL(statement))
