"""The tables of recordings, where they are, and what they are found by."""

from __future__ import annotations

from peewee import (
    SQL,
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    FloatField,
    ForeignKeyField,
    IntegerField,
    TextField,
    UUIDField,
)

from ari_recorder.policies import ledger
from ari_recorder.policies.search import ERA_BITS
from ari_recorder.store.models.base import Table, UtcField
from ari_recorder.store.models.calls import Leg
from ari_recorder.store.models.people import Organisation, OrganisationKey, User


class VaultPlace(Table):
    """A vault that recordings lie in, or lay in; its id is in its mark."""

    address = TextField()
    """Where it was last found: a folder, or an address without secrets."""
    since = UtcField()


class VaultMove(Table):
    """A recording, by its id, that is on its way from one vault to another: its file may lie in both."""

    key = CharField(max_length=200)
    source = UUIDField()
    target = UUIDField()
    held_until = UtcField(index=True)
    """Until then whoever moves it is at work; later anybody may go on with it."""


class Recording(Table):
    """What is kept for one recorded user and one stretch of a call."""

    organisation = ForeignKeyField(Organisation, backref="recordings", on_delete="RESTRICT")
    user = ForeignKeyField(User, backref="recordings", on_delete="RESTRICT")
    leg = ForeignKeyField(Leg, backref="taken", on_delete="RESTRICT")
    ordinal = IntegerField()
    state = CharField(max_length=16)
    mode = CharField(max_length=32)
    kept = BooleanField()
    """False while provisional."""
    direction = CharField(max_length=16)
    internal = BooleanField(default=False)
    counterpart_number = CharField(default="", max_length=128)
    counterpart_name = CharField(default="", max_length=200)
    answered_at = UtcField()
    started_at = UtcField(index=True)
    ended_at = UtcField(null=True)
    duration_ms = IntegerField(null=True)
    """Length of the audio; pauses are not in it."""
    problems = TextField(default="")
    """What is not as it should be, a sentence a line."""
    vault = ForeignKeyField(VaultPlace, null=True, on_delete="RESTRICT", index=False)
    """Which vault its file is in; None: the one of before there could be several."""
    vault_key = CharField(null=True, unique=True, max_length=200)
    media_type = CharField(null=True, max_length=64)
    sample_rate_hz = IntegerField(null=True)
    size_bytes = IntegerField(null=True)
    sha256 = CharField(null=True, max_length=64)
    """Of the audio, as `size_bytes` is."""
    stored_bytes = IntegerField(null=True)
    """Size of the file in the vault, if that is encrypted: otherwise it is the audio."""
    stored_sha256 = CharField(null=True, max_length=64)
    organisation_key = ForeignKeyField(OrganisationKey, null=True, backref="wrapping", on_delete="RESTRICT")
    """What wraps `wrapped_key`; None for one of before there was encryption."""
    wrapped_key = CharField(null=True, max_length=128)
    peaks = BlobField(null=True)
    left_dbfs = FloatField(null=True)
    right_dbfs = FloatField(null=True)
    stored_at = UtcField(null=True)
    note = TextField(default="")
    mark = CharField(default="", max_length=32)
    tag1 = CharField(default="", max_length=128)
    tag2 = CharField(default="", max_length=128)
    tag3 = CharField(default="", max_length=128)

    class Meta:
        indexes = (
            (("leg", "ordinal"), True),
            (("organisation", "started_at"), False),
            (("organisation", "state", "stored_at", "size_bytes"), False),
        )


class Segment(Table):
    """An unbroken stretch of audio inside a recording: two mono files in Asterisk's recording folder."""

    recording = ForeignKeyField(Recording, backref="parts", on_delete="RESTRICT")
    ordinal = IntegerField()
    name = CharField(max_length=150)
    """What both files' names begin with."""
    format = CharField(max_length=8)
    """Asterisk's name of the file format: ``wav`` (8 kHz) or ``wav16`` (16 kHz)."""
    continues = BooleanField(default=False)
    """Rolled over from the previous segment, without a gap."""
    began_at = UtcField()
    """What is kept of its files begins here, and ends at `ended_at`."""
    file_began_at = UtcField(null=True)
    """What the files themselves cover begins here, and ends at `file_ended_at`."""
    file_ended_at = UtcField(null=True)
    outward_late_ms = FloatField(default=0.0)
    """How much later the counterpart's file began than the user's."""
    ended_at = UtcField(null=True)
    offset_ms = IntegerField(null=True)
    """Where it begins in the finished file."""
    duration_ms = IntegerField(null=True)
    cleared = BooleanField(default=False)
    """Its files in the recording folder are gone, on purpose."""

    class Meta:
        indexes = ((("recording", "ordinal"), True),)


class Announcement(Table):
    """A prompt that was played, or was to be, in a call: the evidence of it."""

    leg = ForeignKeyField(Leg, backref="announcements", on_delete="RESTRICT")
    recording = ForeignKeyField(Recording, backref="announcements", null=True, on_delete="RESTRICT")
    """The recording that ran then."""
    kind = CharField(max_length=32)
    sound = CharField(max_length=16)
    """``beep`` or ``announcement``; a tone is a ``beep``."""
    language = CharField(max_length=8)
    text = TextField()
    sha256 = CharField(max_length=64)
    """Of the audio that was played."""
    heard_by = CharField(max_length=16)
    """``both``, ``user`` or ``counterpart``."""
    planned_at = UtcField()
    began_at = UtcField(null=True)
    ended_at = UtcField(null=True)
    outcome = CharField(default="", max_length=16)
    """``played``, ``cut`` or ``failed``; empty while it is not over."""


class Searched(Table):
    """What a recording that lists show is found by (`policies.search.Document`); made by `search_index`.

    The texts are indexed by every three characters in a row: in SQLite by the table ``searched_text``, in
    PostgreSQL by the index `TEXTS_INDEXED`.
    """

    id = BigIntegerField(primary_key=True)
    """Grows with the time at which the recording began (`policies.search.place`)."""
    recording = ForeignKeyField(Recording, unique=True, on_delete="CASCADE")
    organisation = UUIDField()
    user = UUIDField()
    who = CharField(max_length=6)
    """Organisation and user, three characters each (`policies.search.who`)."""
    numbers = TextField()
    note = TextField()
    words = TextField()

    class Meta:
        indexes = ((("organisation", "id"), False), (("user", "id"), False))


class Unsearched(Table):
    """A recording of which something has changed that it is found by: by triggers, for `search_index`.

    A commit that makes one takes it away again, with what is found changed; one that stays is a fault.
    """

    id = UUIDField(primary_key=True)
    """Of the recording: no foreign key, as it may be gone."""


class SearchBacklog(Table):
    """How far recordings of before there was a search have come into it: those with lesser ids have not."""

    below = UUIDField()


# What grows with the catalogue is never looked through for what goes on, waits, or is to be cleared.
Recording.add_index(
    SQL("CREATE INDEX recording_waiting ON recording (ended_at, id) WHERE state IN ('closing', 'discarding')")
)
Recording.add_index(
    SQL("CREATE INDEX recording_vault ON recording (vault_id, id) WHERE vault_key IS NOT NULL")
)
UNKEPT = "state IN ('discarded', 'empty')"
"""Of recordings that have no audio, and never will."""
Recording.add_index(SQL(f"CREATE INDEX recording_unkept ON recording (user_id, started_at) WHERE {UNKEPT}"))
Segment.add_index(SQL("CREATE INDEX segment_uncleared ON segment (recording_id) WHERE NOT cleared"))

SHOWN = f"state IN ({', '.join(repr(str(state)) for state in ledger.SHOWN)})"
"""Of recordings that lists show; written so in each query, or SQLite would not see that an index has them."""
LISTED = {
    "recording_listed": ("organisation_id, started_at, id, user_id, duration_ms, direction, mode", ""),
    "recording_listed_user": (
        "user_id, started_at, id, organisation_id, duration_ms, direction, mode, mark",
        "",
    ),
    "recording_listed_length": ("organisation_id, coalesce(duration_ms, -1), id, started_at, user_id", ""),
    "recording_listed_mark": ("organisation_id, mark, started_at, id, user_id", "mark <> ''"),
    "recording_listed_unready": ("organisation_id, state, started_at, id, user_id", "state <> 'stored'"),
    "recording_listed_problems": ("organisation_id, started_at, id, user_id", "problems <> ''"),
}
"""What lists are read from: an index's columns, and of which recordings it is, of those shown."""


def listed(name: str) -> str:
    """The statement that makes one of `LISTED`."""
    columns, which = LISTED[name]
    condition = f"{SHOWN} AND {which}" if which else SHOWN
    return f"CREATE INDEX {name} ON recording ({columns}) WHERE {condition}"


TEXTS_INDEXED = "searched_in_time"
TEXTS_INDEX = f"""CREATE INDEX {TEXTS_INDEXED} ON searched USING gin
    ((id >> {ERA_BITS}), organisation, "user", numbers gin_trgm_ops, note gin_trgm_ops, words gin_trgm_ops)
    WITH (gin_pending_list_limit = 256)"""
"""The statement that makes it in PostgreSQL, with the extensions `TEXTS_EXTENSIONS`."""
TEXTS_EXTENSIONS = ("btree_gin", "pg_trgm")

for name in LISTED:
    Recording.add_index(SQL(listed(name)))
