"""Who may see and do what: groups, sessions, tokens, activations, the audit log.

Users who are recorded already have an activation from now on, without a start fee and an acknowledgement.
"""

from datetime import UTC, datetime
from uuid import UUID

from peewee import *
from uuid6 import uuid7

ADDED = (
    ("organisation", "second_factor", "VARCHAR(100) NOT NULL DEFAULT ''"),
    ("organisation", "endpoints", "TEXT NOT NULL DEFAULT ''"),
    ("user", "plan", "VARCHAR(16) NOT NULL DEFAULT 'basic'"),
    ("user", "removed_at", "{time} NULL"),
    ("revision", "access", "INTEGER NOT NULL DEFAULT 0"),
    ("annotation", "by", "VARCHAR(200) NOT NULL DEFAULT ''"),
    ("call", "organisation_id", "{uuid} NULL REFERENCES organisation (id) ON DELETE RESTRICT"),
    ("leg", "organisation_id", "{uuid} NULL REFERENCES organisation (id) ON DELETE RESTRICT"),
)

CHANGED = (
    'UPDATE leg SET organisation_id = (SELECT organisation_id FROM "user" WHERE "user".id = leg.user_id)',
    """UPDATE call SET organisation_id =
        (SELECT organisation_id FROM leg WHERE leg.call_id = call.id ORDER BY leg.id LIMIT 1)""",
    "CREATE INDEX call_organisation_id ON call (organisation_id)",
    "CREATE INDEX leg_organisation_id ON leg (organisation_id)",
    "DROP INDEX call_pbx_linkedid",
    "CREATE UNIQUE INDEX call_pbx_linkedid_organisation_id ON call (pbx, linkedid, organisation_id)",
    "DROP INDEX user_organisation_id_number",
    'CREATE UNIQUE INDEX user_number ON "user" (organisation_id, number) WHERE removed_at IS NULL',
)

FOR_GOOD = ("audit_line", "audit_seal")
"""Tables whose rows are neither changed nor deleted, whoever is connected."""
ON_SQLITE = """CREATE TRIGGER {table}_{event} BEFORE {event} ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
ON_POSTGRESQL = (
    """CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN RAISE EXCEPTION '%% is append-only', TG_TABLE_NAME; END$$""",
    *(
        f"""CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION append_only()"""
        for table in FOR_GOOD
    ),
)


def up(migrator, db):
    postgresql = "Postgresql" in type(db).__name__
    time, uuid = ("TIMESTAMP", "UUID") if postgresql else ("DATETIME", "TEXT")
    for table, column, kind in ADDED:
        db.execute_sql(f'ALTER TABLE "{table}" ADD COLUMN "{column}" {kind.format(time=time, uuid=uuid)}')
    for statement in CHANGED:
        db.execute_sql(statement)

    class Organisation(Model):
        id = UUIDField(primary_key=True)

        class Meta:
            database = db
            table_name = "organisation"

    class User(Model):
        id = UUIDField(primary_key=True)

        class Meta:
            database = db
            table_name = "user"

    class Activation(Model):
        id = UUIDField(primary_key=True)
        organisation = ForeignKeyField(Organisation, on_delete="RESTRICT")
        user = ForeignKeyField(User, on_delete="RESTRICT")
        plan = CharField(max_length=16)
        began_at = DateTimeField()
        began_by = CharField(max_length=200)
        start_fee = BooleanField()
        acknowledgement = TextField(default="")
        acknowledged_by = CharField(default="", max_length=200)
        acknowledged_at = DateTimeField(null=True)
        ended_at = DateTimeField(null=True)
        ended_by = CharField(default="", max_length=200)

        class Meta:
            database = db
            table_name = "activation"
            indexes = ((("organisation", "began_at"), False),)

    class Group(Model):
        id = UUIDField(primary_key=True)
        organisation = ForeignKeyField(Organisation, on_delete="RESTRICT")
        name = CharField(max_length=200)

        class Meta:
            database = db
            table_name = "group"
            indexes = ((("organisation", "name"), True),)

    class Membership(Model):
        id = UUIDField(primary_key=True)
        group = ForeignKeyField(Group, on_delete="CASCADE")
        user = ForeignKeyField(User, on_delete="CASCADE")

        class Meta:
            database = db
            table_name = "membership"
            indexes = ((("group", "user"), True),)

    class Supervision(Model):
        id = UUIDField(primary_key=True)
        group = ForeignKeyField(Group, on_delete="CASCADE")
        user = ForeignKeyField(User, on_delete="CASCADE")
        may_listen = BooleanField(default=True)
        may_annotate = BooleanField(default=True)

        class Meta:
            database = db
            table_name = "supervision"
            indexes = ((("group", "user"), True),)

    class Session(Model):
        id = UUIDField(primary_key=True)
        user = ForeignKeyField(User, on_delete="CASCADE")
        secret_sha256 = CharField(unique=True, max_length=64)
        form_token = CharField(max_length=64)
        created_at = DateTimeField()
        seen_at = DateTimeField()
        address = CharField(max_length=64)
        agent = CharField(default="", max_length=200)
        second_factor_at = DateTimeField(null=True)

        class Meta:
            database = db
            table_name = "session"

    class SecondFactor(Model):
        id = UUIDField(primary_key=True)
        user = ForeignKeyField(User, on_delete="CASCADE")
        kind = CharField(max_length=16)
        name = CharField(max_length=100)
        secret = TextField()
        used = BigIntegerField(default=0)
        created_at = DateTimeField()
        seen_at = DateTimeField(null=True)

        class Meta:
            database = db
            table_name = "second_factor"

    class Token(Model):
        id = UUIDField(primary_key=True)
        organisation = ForeignKeyField(Organisation, on_delete="CASCADE")
        user = ForeignKeyField(User, null=True, on_delete="CASCADE")
        name = CharField(max_length=100)
        secret_sha256 = CharField(unique=True, max_length=64)
        hint = CharField(max_length=16)
        scopes = TextField()
        created_at = DateTimeField()
        created_by = CharField(max_length=200)
        expires_at = DateTimeField(null=True)
        revoked_at = DateTimeField(null=True)
        seen_at = DateTimeField(null=True)

        class Meta:
            database = db
            table_name = "token"

    class Answered(Model):
        id = UUIDField(primary_key=True)
        asker = CharField(max_length=64)
        key = CharField(max_length=200)
        request_sha256 = CharField(max_length=64)
        status = IntegerField()
        headers = TextField()
        body = TextField()
        at = DateTimeField(index=True)

        class Meta:
            database = db
            table_name = "answered"
            indexes = ((("asker", "key"), True),)

    class AuditLine(Model):
        id = UUIDField(primary_key=True)
        organisation = UUIDField()
        number = IntegerField()
        at = DateTimeField()
        actor_kind = CharField(max_length=16)
        actor = CharField(max_length=64)
        actor_name = CharField(max_length=200)
        address = CharField(max_length=64)
        action = CharField(max_length=40)
        subject_kind = CharField(max_length=32)
        subject = CharField(max_length=200)
        detail = TextField()
        before = CharField(max_length=64)
        sha256 = CharField(max_length=64)

        class Meta:
            database = db
            table_name = "audit_line"
            indexes = (
                (("organisation", "number"), True),
                (("organisation", "at"), False),
                (("organisation", "subject"), False),
            )

    class AuditHead(Model):
        id = UUIDField(primary_key=True)
        organisation = UUIDField(unique=True)
        number = IntegerField()
        sha256 = CharField(max_length=64)

        class Meta:
            database = db
            table_name = "audit_head"

    class AuditSeal(Model):
        id = UUIDField(primary_key=True)
        organisation = UUIDField()
        number = IntegerField()
        sha256 = CharField(max_length=64)
        at = DateTimeField()
        key_id = CharField(max_length=64)
        signature = TextField()

        class Meta:
            database = db
            table_name = "audit_seal"
            indexes = ((("organisation", "number"), True),)

    db.create_tables(
        [
            Activation,
            Group,
            Membership,
            Supervision,
            Session,
            SecondFactor,
            Token,
            Answered,
            AuditLine,
            AuditHead,
            AuditSeal,
        ]
    )
    recorded = db.execute_sql(
        """SELECT id, organisation_id FROM "user" WHERE mode <> 'never' ORDER BY id"""
    ).fetchall()
    for user, organisation in recorded:
        Activation.create(
            id=UUID(int=uuid7().int), organisation=organisation, user=user, plan="basic",
            began_at=datetime.now(UTC).replace(tzinfo=None), began_by="upgrade", start_fee=False,
        )  # fmt: skip
    on_sqlite = [
        ON_SQLITE.format(table=table, event=event) for table in FOR_GOOD for event in ("UPDATE", "DELETE")
    ]
    for statement in ON_POSTGRESQL if postgresql else on_sqlite:
        db.execute_sql(statement)


def down(migrator, db):
    raise NotImplementedError("restore the backup made before the upgrade")
