"""The tables. Ids are UUIDv7, times UTC with millisecond truth, numbers what Asterisk calls them.

Only this package imports peewee. The migrations in `migrations/` make these tables; a test compares the two.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from peewee import (
    SQL,
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    DatabaseProxy,
    DateTimeField,
    FloatField,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
    UUIDField,
)
from uuid6 import uuid7

from ari_recorder.policies import ledger
from ari_recorder.policies.search import ERA_BITS

database = DatabaseProxy()


def new_id() -> uuid.UUID:
    """A new UUIDv7 (RFC 9562): it sorts by the time it was made."""
    return uuid.UUID(int=uuid7().int)


class UtcField(DateTimeField):  # type: ignore[misc]
    """An aware UTC time, kept without its zone so that both databases compare it alike."""

    def db_value(self, value: datetime | None) -> Any:
        """Convert to UTC and drop the zone. Raises `ValueError` for a naive time."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value}")
        return super().db_value(value.astimezone(UTC).replace(tzinfo=None))

    def python_value(self, value: Any) -> datetime | None:
        """Read back as an aware UTC time."""
        naive = super().python_value(value)
        return naive.replace(tzinfo=UTC) if naive is not None else None


class Table(Model):  # type: ignore[misc]
    """Every table has an id of its own."""

    id = UUIDField(primary_key=True, default=new_id)

    class Meta:
        database = database
        legacy_table_names = False


class Organisation(Table):
    """The customer company."""

    name = CharField(unique=True, max_length=200)
    timezone = CharField(default="UTC", max_length=64)
    language = CharField(default="en", max_length=8)
    preferences = TextField(default="{}")
    """JSON: what differs from the defaults of `policies.preferences`."""
    second_factor = CharField(default="", max_length=100)
    """Roles that need a second factor to sign in, by name, parted by spaces."""
    endpoints = TextField(default="")
    """Patterns of the telephones that its administrators may give to users, parted by spaces."""
    country = CharField(default="", max_length=2)
    """Whose numbering plan its numbers follow (ISO 3166-1); empty if it is not said."""
    storage_mb = IntegerField(default=30)
    """Storage that is included for each user, in MB of a million bytes (row T5)."""
    retention_days = IntegerField(default=180)
    """How long recordings are to be kept (row T4); more than 180 is the add-on of longer storage (row B5)."""
    leavers = CharField(default="name", max_length=16)
    """What the recordings of a removed user bear: their ``name``, or a ``pseudonym``."""
    tag1_name = CharField(default="", max_length=40)
    """What the first of a call's three fields (row T3) is called here; empty for its number."""
    tag2_name = CharField(default="", max_length=40)
    tag3_name = CharField(default="", max_length=40)


class Terms(Table):
    """What held for an organisation from a time on, so that the usage of a past month stays as it was."""

    organisation = ForeignKeyField(Organisation, backref="terms", on_delete="RESTRICT")
    since = UtcField()
    timezone = CharField(max_length=64)
    storage_mb = IntegerField()
    retention_days = IntegerField()

    class Meta:
        indexes = ((("organisation", "since"), False),)


class OrganisationKey(Table):
    """A key that wraps those of an organisation's recordings; the newest wraps what is new."""

    organisation = ForeignKeyField(Organisation, backref="keys", on_delete="RESTRICT")
    wrapped = CharField(max_length=128)
    """Wrapped by the master key."""
    master = CharField(max_length=16)
    """Which master key."""
    created_at = UtcField()


class User(Table):
    """A person of an organisation: recorded, signing in, or both."""

    organisation = ForeignKeyField(Organisation, backref="users", on_delete="RESTRICT")
    number = CharField(null=True, max_length=64)
    name = CharField(max_length=200)
    mode = CharField(default="never", max_length=32)
    role = CharField(default="user", max_length=16)
    may_listen = BooleanField(default=True)
    """Whether the user has access to their own recordings (row A4)."""
    login = CharField(null=True, unique=True, max_length=200)
    password_hash = CharField(null=True, max_length=200)
    password_is_default = BooleanField(default=False)
    """Noted when the password is set, since a hash does not tell: everybody knows that password."""
    preferences = TextField(default="{}")
    """JSON: what differs from the organisation's."""
    plan = CharField(default="basic", max_length=16)
    """One of `policies.plans.Plan` (row B1)."""
    removed_at = UtcField(null=True)
    """Since when they are no user any more; the row stays as long as there are recordings of them."""


class Activation(Table):
    """A stretch of time in which a user's calls were to be recorded (rows B2 and B3)."""

    organisation = ForeignKeyField(Organisation, backref="activations", on_delete="RESTRICT")
    user = ForeignKeyField(User, backref="activations", on_delete="RESTRICT")
    plan = CharField(max_length=16)
    began_at = UtcField()
    began_by = CharField(max_length=200)
    """Who switched recording on."""
    start_fee = BooleanField()
    """Whether it is the first of this user, and so costs the start fee (row B4)."""
    acknowledgement = TextField(default="")
    """What the user was told and agreed to; empty if it is not known that they were."""
    acknowledged_by = CharField(default="", max_length=200)
    acknowledged_at = UtcField(null=True)
    ended_at = UtcField(null=True)
    ended_by = CharField(default="", max_length=200)

    class Meta:
        indexes = ((("organisation", "began_at"), False),)


class Group(Table):
    """Users whose recordings some supervisors have (rows A5 and A6)."""

    organisation = ForeignKeyField(Organisation, backref="groups", on_delete="RESTRICT")
    name = CharField(max_length=200)
    retention_days = IntegerField(null=True)
    """For how long its members' recordings are kept; None: as the organisation says."""

    class Meta:
        indexes = ((("organisation", "name"), True),)


class Membership(Table):
    """A user of a group."""

    group = ForeignKeyField(Group, backref="memberships", on_delete="CASCADE")
    user = ForeignKeyField(User, backref="memberships", on_delete="CASCADE")

    class Meta:
        indexes = ((("group", "user"), True),)


class Supervision(Table):
    """A supervisor of a group, and what they may do with its recordings besides seeing them."""

    group = ForeignKeyField(Group, backref="supervisions", on_delete="CASCADE")
    user = ForeignKeyField(User, backref="supervisions", on_delete="CASCADE")
    may_listen = BooleanField(default=True)
    may_annotate = BooleanField(default=True)

    class Meta:
        indexes = ((("group", "user"), True),)


class Session(Table):
    """Somebody who is signed in; the cookie has the secret, the row its hash."""

    user = ForeignKeyField(User, backref="sessions", on_delete="CASCADE")
    secret_sha256 = CharField(unique=True, max_length=64)
    form_token = CharField(max_length=64)
    created_at = UtcField()
    seen_at = UtcField()
    address = CharField(max_length=64)
    agent = CharField(default="", max_length=200)
    """What the browser calls itself."""
    second_factor_at = UtcField(null=True)
    """When the second factor was given, too."""


class SecondFactor(Table):
    """What somebody has besides their password."""

    user = ForeignKeyField(User, backref="second_factors", on_delete="CASCADE")
    kind = CharField(max_length=16)
    """``totp``, ``passkey`` or ``recovery``."""
    name = CharField(max_length=100)
    secret = TextField()
    """Of TOTP, encrypted; a passkey's public key and id; a recovery code's hash."""
    used = BigIntegerField(default=0)
    """The last time step, or a passkey's counter: nothing is taken twice."""
    created_at = UtcField()
    seen_at = UtcField(null=True)


class Token(Table):
    """What a program has instead of a session: of a user, or with none of the organisation."""

    organisation = ForeignKeyField(Organisation, backref="tokens", on_delete="CASCADE")
    user = ForeignKeyField(User, backref="tokens", null=True, on_delete="CASCADE")
    name = CharField(max_length=100)
    secret_sha256 = CharField(unique=True, max_length=64)
    hint = CharField(max_length=16)
    """How it begins, to recognise it by."""
    scopes = TextField()
    """Rights, parted by spaces."""
    created_at = UtcField()
    created_by = CharField(max_length=200)
    expires_at = UtcField(null=True)
    revoked_at = UtcField(null=True)
    seen_at = UtcField(null=True)


class SavedSearch(Table):
    """A search of the list of recordings that a user keeps under a name."""

    user = ForeignKeyField(User, backref="saved_searches", on_delete="CASCADE")
    name = CharField(max_length=100)
    query = TextField()
    """As in the list's address, behind the question mark."""
    created_at = UtcField()

    class Meta:
        indexes = ((("user", "name"), True),)


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


class Answered(Table):
    """The answer to a request with an idempotency key, for who asks the same again."""

    asker = CharField(max_length=64)
    key = CharField(max_length=200)
    request_sha256 = CharField(max_length=64)
    status = IntegerField()
    headers = TextField()
    body = TextField()
    at = UtcField(index=True)

    class Meta:
        indexes = ((("asker", "key"), True),)


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


class Endpoint(Table):
    """An Asterisk endpoint whose channels are its user's legs."""

    user = ForeignKeyField(User, backref="endpoints", on_delete="CASCADE")
    pbx = CharField(max_length=32)
    name = CharField(max_length=200)
    """Technology and resource: ``PJSIP/101``."""

    class Meta:
        indexes = ((("pbx", "name"), True),)


class Revision(Table):
    """Counts the changes of users and endpoints, so that a running recorder notices them."""

    directory = IntegerField(default=0)
    access = IntegerField(default=0)
    """Counts the changes of who may do what: roles, groups, sessions, tokens."""


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


class SigningKey(Table):
    """The public half of a key that signs heads and seals, or once did."""

    key_id = CharField(unique=True, max_length=64)
    pem = TextField()
    since = UtcField()


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


User.add_index(
    SQL('CREATE UNIQUE INDEX user_number ON "user" (organisation_id, number) WHERE removed_at IS NULL')
)
# What grows with the catalogue is never looked through for what goes on, waits, or is to be cleared.
Leg.add_index(SQL("CREATE INDEX leg_going_on ON leg (pbx) WHERE machine <> ''"))
Leg.add_index(SQL("CREATE INDEX leg_personal ON leg (user_id, created_at, id) WHERE channel_name <> ''"))
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
for name, columns, state in (
    ("due", "webhook_id, next_at", "waiting"),
    ("order", "webhook_id, subject, place", "waiting"),
    ("failed", "webhook_id, id", "failed"),
):
    statement = (
        f"CREATE INDEX webhook_delivery_{name} ON webhook_delivery ({columns}) WHERE state = '{state}'"
    )
    WebhookDelivery.add_index(SQL(statement))

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

TABLES = (
    Organisation,
    Terms,
    OrganisationKey,
    User,
    Activation,
    Group,
    Membership,
    Supervision,
    Session,
    SecondFactor,
    Token,
    SavedSearch,
    Hold,
    HeldRecording,
    Erasure,
    Answered,
    AuditLine,
    AuditHead,
    AuditSeal,
    Endpoint,
    Revision,
    Call,
    Leg,
    Counterpart,
    OnHold,
    Annotation,
    Prompt,
    VaultPlace,
    VaultMove,
    Recording,
    Searched,
    Unsearched,
    SearchBacklog,
    Segment,
    Announcement,
    Delivery,
    DeliveryGroup,
    DeliveryKey,
    DeliveryTarget,
    DeliveryDay,
    Handed,
    ConvertedSize,
    Manifest,
    TreeNode,
    Tree,
    TreeHead,
    HeadStamp,
    SigningKey,
    Webhook,
    Outbox,
    WebhookDelivery,
    WebhookAttempt,
    Retained,
    RetentionClock,
    Disposing,
    Disposal,
    LedgerLine,
)
