"""The tables of organisations, their people and groups, and what these sign in with."""

from __future__ import annotations

from peewee import SQL, BigIntegerField, BooleanField, CharField, ForeignKeyField, IntegerField, TextField

from ari_recorder.store.models.base import Table, UtcField


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


class Endpoint(Table):
    """An Asterisk endpoint whose channels are its user's legs."""

    user = ForeignKeyField(User, backref="endpoints", on_delete="CASCADE")
    pbx = CharField(max_length=32)
    name = CharField(max_length=200)
    """Technology and resource: ``PJSIP/101``."""

    class Meta:
        indexes = ((("pbx", "name"), True),)


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


class Revision(Table):
    """Counts the changes of users and endpoints, so that a running recorder notices them."""

    directory = IntegerField(default=0)
    access = IntegerField(default=0)
    """Counts the changes of who may do what: roles, groups, sessions, tokens."""


User.add_index(
    SQL('CREATE UNIQUE INDEX user_number ON "user" (organisation_id, number) WHERE removed_at IS NULL')
)
