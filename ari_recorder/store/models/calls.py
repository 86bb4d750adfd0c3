"""The tables of calls, of what was done and heard in them, and of what came of each."""

from __future__ import annotations

from peewee import SQL, BlobField, CharField, ForeignKeyField, IntegerField, TextField

from ari_recorder.store.models.base import Table, UtcField
from ari_recorder.store.models.people import Organisation, User


class Call(Table):
    """An organisation's part of a conversation, from the first ring to the last hang-up."""

    organisation = ForeignKeyField(Organisation, null=True, backref="calls", on_delete="RESTRICT")
    pbx = CharField(max_length=32)
    linkedid = CharField(max_length=150)
    started_at = UtcField()

    class Meta:
        indexes = ((("pbx", "linkedid", "organisation"), True),)


class Leg(Table):
    """A recorded user's channel in a call, with its state in the policy's table."""

    call = ForeignKeyField(Call, backref="legs", on_delete="RESTRICT")
    organisation = ForeignKeyField(Organisation, null=True, backref="legs", on_delete="RESTRICT")
    user = ForeignKeyField(User, backref="legs", on_delete="RESTRICT")
    pbx = CharField(max_length=32)
    channel = CharField(max_length=150)
    """Asterisk's id of the channel."""
    channel_name = CharField(max_length=200)
    direction = CharField(max_length=16)
    counterpart_number = CharField(default="", max_length=128)
    counterpart_name = CharField(default="", max_length=200)
    created_at = UtcField()
    answered_at = UtcField(null=True)
    ended_at = UtcField(null=True)
    mode = CharField(max_length=32)
    state = CharField(max_length=32)
    since = UtcField()
    machine = TextField(default="")
    """JSON: all that is needed to go on (`policies.leg.state.Leg`); empty once it is over."""
    note = TextField(default="")
    mark = CharField(default="", max_length=32)
    tag1 = CharField(default="", max_length=128)
    tag2 = CharField(default="", max_length=128)
    tag3 = CharField(default="", max_length=128)

    class Meta:
        indexes = ((("pbx", "channel"), False),)


class Counterpart(Table):
    """Somebody whom a leg's user talked to, and when: a transfer gives a leg several."""

    leg = ForeignKeyField(Leg, backref="counterparts", on_delete="RESTRICT")
    number = CharField(default="", max_length=128)
    name = CharField(default="", max_length=200)
    joined_at = UtcField()
    left_at = UtcField(null=True)


class OnHold(Table):
    """A time in which a leg's user had put the other on hold."""

    leg = ForeignKeyField(Leg, backref="on_hold", on_delete="RESTRICT")
    began_at = UtcField()
    ended_at = UtcField(null=True)


class Annotation(Table):
    """One change of a call's note, mark or tags: what it was, what it became, who did it."""

    leg = ForeignKeyField(Leg, backref="annotations", on_delete="RESTRICT")
    user = ForeignKeyField(User, backref="annotations", null=True, on_delete="SET NULL")
    by = CharField(default="", max_length=200)
    """The name of the user or the token, as it was then."""
    at = UtcField()
    field = CharField(max_length=8)
    before = TextField()
    after = TextField()


class Prompt(Table):
    """A prompt that an organisation uses instead of the one that ships."""

    organisation = ForeignKeyField(Organisation, backref="prompts", on_delete="CASCADE")
    kind = CharField(max_length=32)
    language = CharField(max_length=8)
    text = TextField(default="")
    """What it says."""
    file_name = CharField(default="", max_length=255)
    """As it was uploaded."""
    audio = BlobField()
    """A WAV file: mono, 16 bits, 16 kHz."""
    sha256 = CharField(max_length=64)
    duration_ms = IntegerField()
    changed_at = UtcField()

    class Meta:
        indexes = ((("organisation", "kind", "language"), True),)


class LedgerLine(Table):
    """One for each answered call of an enabled user; closed with exactly one outcome."""

    leg = ForeignKeyField(Leg, backref="ledger", unique=True, on_delete="RESTRICT")
    organisation = ForeignKeyField(Organisation, backref="ledger", on_delete="RESTRICT")
    opened_at = UtcField()
    closed_at = UtcField(null=True)
    outcome = CharField(null=True, max_length=16)
    reason = TextField(default="")

    class Meta:
        indexes = (
            (("organisation", "opened_at"), False),
            (("organisation", "outcome", "opened_at"), False),
        )


# What grows with the catalogue is never looked through for what goes on, waits, or is to be cleared.
Leg.add_index(SQL("CREATE INDEX leg_going_on ON leg (pbx) WHERE machine <> ''"))
Leg.add_index(SQL("CREATE INDEX leg_personal ON leg (user_id, created_at, id) WHERE channel_name <> ''"))
