"""The tables of what keeps recordings, and of what takes them away."""

from __future__ import annotations

from peewee import BigIntegerField, CharField, FloatField, ForeignKeyField, IntegerField, TextField, UUIDField

from ari_recorder.store.models.base import Table, UtcField
from ari_recorder.store.models.people import Organisation, User


class Hold(Table):
    """A legal hold: a rule by which recordings are kept, whatever else would have them deleted.

    What fits it is asked for when something is to be deleted (`holds.held`), so it is also of what came
    later.
    """

    organisation = ForeignKeyField(Organisation, backref="holds", on_delete="RESTRICT")
    kind = CharField(max_length=16)
    """One of `policies.holds.Kind`: what of the following it is about."""
    recording = UUIDField(null=True)
    user = UUIDField(null=True)
    """No foreign keys: a hold is a record, and outlives what it was about."""
    number = CharField(default="", max_length=128)
    query = TextField(default="")
    """A search, as in the list's address."""
    wanted = TextField(default="")
    """What that asked for when the hold began, its days fixed (`filters.as_text`)."""
    reason = TextField()
    people = TextField(default="")
    """Who asked for it, and who was told."""
    begun_at = UtcField()
    begun_by = CharField(max_length=200)
    ends_at = UtcField(null=True)
    over_at = UtcField(null=True)
    """Since when it holds nothing any more."""
    over_by = CharField(default="", max_length=200)
    """Who released it; empty if its end came."""
    over_why = TextField(default="")
    fixed_up_to = UUIDField(null=True)
    """Of a search: recordings up to this id that fit are noted (`HeldRecording`), so that no edit frees
    them."""

    class Meta:
        indexes = ((("organisation", "over_at"), False),)


class HeldRecording(Table):
    """A recording that a search under hold has found: it stays held, whatever becomes of its note or mark.

    Or one of a selection under hold.
    """

    hold = ForeignKeyField(Hold, backref="noted", on_delete="CASCADE", index=False)
    recording = UUIDField(index=True)

    class Meta:
        indexes = ((("hold", "recording"), True),)


class Erasure(Table):
    """A person who is taken out of the catalogue, a batch at a time; the row says how far it has come."""

    organisation = ForeignKeyField(Organisation, backref="erasures", on_delete="RESTRICT")
    kind = CharField(max_length=16)
    """One of `policies.erasing.Kind`."""
    user = UUIDField(null=True)
    number = CharField(default="", max_length=128)
    """Whom to look for, as ``name`` is: both are emptied when it is done."""
    name = CharField(default="", max_length=200)
    pseudonym = CharField(max_length=64)
    """What stands in their place."""
    reference = CharField(default="", max_length=200)
    """The organisation's own, such as a case number."""
    begun_at = UtcField()
    begun_by = CharField(max_length=200)
    state = CharField(max_length=16)
    """One of `policies.erasing.State`."""
    step = CharField(max_length=16)
    behind = UUIDField(null=True)
    """Of the step: everything up to this id is done."""
    counts = TextField(default="{}")
    """JSON: how much of what was done, and what waits."""
    looked_at = UtcField()
    """When it was begun, or begun anew because a hold was released."""
    done_at = UtcField(null=True)
    report = TextField(default="")
    report_sha256 = CharField(default="", max_length=64)

    class Meta:
        indexes = ((("organisation", "begun_at"), False),)


class Retained(Table):
    """For how long a user's recordings are kept (`policies.retention.Kept`)."""

    user = ForeignKeyField(User, backref="retained", unique=True, on_delete="CASCADE")
    days = IntegerField(null=True)
    """None: all that there are, until there was a warning."""
    next_days = IntegerField(null=True)
    next_from = UtcField(null=True)


class RetentionClock(Table):
    """One row: how far time is known to have come (`policies.retention.Clock`)."""

    trusted = UtcField()
    wall = UtcField()
    steady_s = FloatField()
    forgotten_at = UtcField(null=True)
    """What was gone by then is out of the index of texts, too (`store.forgetting`)."""


class Disposing(Table):
    """A recording that is being disposed of: its key is destroyed, and its file is still to go.

    No foreign key: nothing may be in the way of who restores a backup.
    """

    recording = UUIDField(unique=True)
    organisation = UUIDField(index=True)
    was = CharField(max_length=16)
    """The state that it had (`policies.ledger.RecordingState`)."""
    rule = CharField(max_length=16)
    """Why: one of `policies.retention.Rule`."""
    detail = TextField()
    """JSON: the days that held, say. Nothing personal."""
    actor_kind = CharField(max_length=16)
    actor = CharField(max_length=64)
    """Id of the user or token who asked for it; empty if none did. No name."""
    asked_at = UtcField()


class Disposal(Table):
    """The disposal log: a recording that is gone, and what is kept of it. Never changed, nothing personal."""

    organisation = UUIDField()
    recording = UUIDField(unique=True)
    leg = UUIDField(index=True)
    leaf = IntegerField(null=True)
    """Its number in the organisation's tree; None if it never was in it."""
    was = CharField(max_length=16)
    """The state that it had."""
    started_at = UtcField()
    stored_at = UtcField(null=True)
    """None if it never had audio that was kept."""
    size_bytes = BigIntegerField()
    """Of its audio: what it had of the organisation's storage until ``at``."""
    rule = CharField(max_length=16)
    detail = TextField()
    actor_kind = CharField(max_length=16)
    actor = CharField(max_length=64)
    asked_at = UtcField()
    """When its key was destroyed; all of it was gone at ``at``."""
    at = UtcField()

    class Meta:
        indexes = ((("organisation", "at", "stored_at", "size_bytes"), False),)
