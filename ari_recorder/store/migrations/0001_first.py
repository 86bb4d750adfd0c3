"""The first tables."""

from peewee import *


def up(migrator, db):
    class Call(Model):
        id = UUIDField(primary_key=True)
        pbx = CharField(max_length=32)
        linkedid = CharField(max_length=150)
        started_at = DateTimeField()

        class Meta:
            database = db
            table_name = "call"
            indexes = ((("pbx", "linkedid"), True),)

    db.create_tables([Call])

    class Organisation(Model):
        id = UUIDField(primary_key=True)
        name = CharField(unique=True, max_length=200)
        timezone = CharField(max_length=64, default="UTC")
        language = CharField(max_length=8, default="en")
        internal_numbers = CharField(max_length=200, default="\\d{2,5}")

        class Meta:
            database = db
            table_name = "organisation"

    db.create_tables([Organisation])

    class User(Model):
        id = UUIDField(primary_key=True)
        organisation = ForeignKeyField(Organisation, on_delete="RESTRICT")
        number = CharField(null=True, max_length=64)
        name = CharField(max_length=200)
        mode = CharField(max_length=32, default="never")
        role = CharField(max_length=16, default="user")
        may_listen = BooleanField(default=True)
        login = CharField(unique=True, null=True, max_length=200)
        password_hash = CharField(null=True, max_length=200)
        password_is_default = BooleanField(default=False)

        class Meta:
            database = db
            table_name = "user"
            indexes = ((("organisation", "number"), True),)

    db.create_tables([User])

    class Endpoint(Model):
        id = UUIDField(primary_key=True)
        user = ForeignKeyField(User, on_delete="CASCADE")
        pbx = CharField(max_length=32)
        name = CharField(max_length=200)

        class Meta:
            database = db
            table_name = "endpoint"
            indexes = ((("pbx", "name"), True),)

    db.create_tables([Endpoint])

    class Leg(Model):
        id = UUIDField(primary_key=True)
        call = ForeignKeyField(Call, on_delete="RESTRICT")
        user = ForeignKeyField(User, on_delete="RESTRICT")
        pbx = CharField(max_length=32)
        channel = CharField(max_length=150)
        channel_name = CharField(max_length=200)
        direction = CharField(max_length=16)
        counterpart_number = CharField(max_length=128, default="")
        counterpart_name = CharField(max_length=200, default="")
        created_at = DateTimeField()
        answered_at = DateTimeField(null=True)
        ended_at = DateTimeField(null=True)
        mode = CharField(max_length=32)
        state = CharField(index=True, max_length=32)
        since = DateTimeField()
        recordings = IntegerField(default=0)
        segments = IntegerField(default=0)
        losses = IntegerField(default=0)
        lost_at = DateTimeField(null=True)
        armings = IntegerField(default=0)

        class Meta:
            database = db
            table_name = "leg"
            indexes = ((("pbx", "channel"), False),)

    db.create_tables([Leg])

    class Intent(Model):
        id = UUIDField(primary_key=True)
        leg = ForeignKeyField(Leg, on_delete="CASCADE")
        kind = CharField(max_length=16)
        resource = CharField(unique=True, max_length=150)
        planned_at = DateTimeField()
        done_at = DateTimeField(null=True)

        class Meta:
            database = db
            table_name = "intent"

    db.create_tables([Intent])

    class LedgerLine(Model):
        id = UUIDField(primary_key=True)
        leg = ForeignKeyField(Leg, unique=True, on_delete="RESTRICT")
        organisation = ForeignKeyField(Organisation, on_delete="RESTRICT")
        opened_at = DateTimeField()
        closed_at = DateTimeField(null=True)
        outcome = CharField(null=True, max_length=16)
        reason = TextField(default="")

        class Meta:
            database = db
            table_name = "ledger_line"

    db.create_tables([LedgerLine])

    class Recording(Model):
        id = UUIDField(primary_key=True)
        organisation = ForeignKeyField(Organisation, on_delete="RESTRICT")
        user = ForeignKeyField(User, on_delete="RESTRICT")
        leg = ForeignKeyField(Leg, on_delete="RESTRICT")
        ordinal = IntegerField()
        state = CharField(index=True, max_length=16)
        mode = CharField(max_length=32)
        kept = BooleanField()
        direction = CharField(max_length=16)
        internal = BooleanField(default=False)
        counterpart_number = CharField(index=True, max_length=128, default="")
        counterpart_name = CharField(max_length=200, default="")
        answered_at = DateTimeField()
        started_at = DateTimeField(index=True)
        ended_at = DateTimeField(null=True)
        duration_ms = IntegerField(null=True)
        problems = TextField(default="")
        vault_key = CharField(unique=True, null=True, max_length=200)
        media_type = CharField(null=True, max_length=64)
        sample_rate_hz = IntegerField(null=True)
        size_bytes = IntegerField(null=True)
        sha256 = CharField(null=True, max_length=64)
        peaks = BlobField(null=True)
        left_dbfs = FloatField(null=True)
        right_dbfs = FloatField(null=True)
        stored_at = DateTimeField(null=True)
        note = TextField(default="")
        mark = CharField(max_length=32, default="")
        tag1 = CharField(max_length=128, default="")
        tag2 = CharField(max_length=128, default="")
        tag3 = CharField(max_length=128, default="")

        class Meta:
            database = db
            table_name = "recording"
            indexes = ((("leg", "ordinal"), True), (("organisation", "started_at"), False))

    db.create_tables([Recording])

    class Revision(Model):
        id = UUIDField(primary_key=True)
        directory = IntegerField(default=0)

        class Meta:
            database = db
            table_name = "revision"

    db.create_tables([Revision])

    class Segment(Model):
        id = UUIDField(primary_key=True)
        recording = ForeignKeyField(Recording, on_delete="RESTRICT")
        ordinal = IntegerField()
        name = CharField(unique=True, max_length=150)
        format = CharField(max_length=8)
        continues = BooleanField(default=False)
        began_at = DateTimeField()
        outward_late_ms = FloatField(default=0.0)
        ended_at = DateTimeField(null=True)
        offset_ms = IntegerField(null=True)
        duration_ms = IntegerField(null=True)
        cleared = BooleanField(default=False)

        class Meta:
            database = db
            table_name = "segment"
            indexes = ((("recording", "ordinal"), True),)

    db.create_tables([Segment])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("segment"))
    migrator.migrate(migrator.drop_table("revision"))
    migrator.migrate(migrator.drop_table("recording"))
    migrator.migrate(migrator.drop_table("ledger_line"))
    migrator.migrate(migrator.drop_table("intent"))
    migrator.migrate(migrator.drop_table("leg"))
    migrator.migrate(migrator.drop_table("endpoint"))
    migrator.migrate(migrator.drop_table("user"))
    migrator.migrate(migrator.drop_table("organisation"))
    migrator.migrate(migrator.drop_table("call"))
