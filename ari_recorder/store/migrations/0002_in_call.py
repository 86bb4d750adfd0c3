"""During the call: preferences, counterparts with their times, notes and marks, prompts, announcements."""

from peewee import *

COLUMNS = (
    ("organisation", "preferences", "TEXT", "{}"),
    ("user", "preferences", "TEXT", "{}"),
    ("leg", "preferences", "TEXT", "{}"),
    ("leg", "note", "TEXT", ""),
    ("leg", "mark", "VARCHAR(32)", ""),
    ("leg", "tag1", "VARCHAR(128)", ""),
    ("leg", "tag2", "VARCHAR(128)", ""),
    ("leg", "tag3", "VARCHAR(128)", ""),
)


def up(migrator, db):
    # added in place: peewee's own way makes an SQLite table anew, which the rows that refer to it forbid
    for table, column, kind, default in COLUMNS:
        db.execute_sql(f'ALTER TABLE "{table}" ADD COLUMN "{column}" {kind} NOT NULL DEFAULT \'{default}\'')

    class Leg(Model):
        id = UUIDField(primary_key=True)

        class Meta:
            database = db
            table_name = "leg"

    class User(Model):
        id = UUIDField(primary_key=True)

        class Meta:
            database = db
            table_name = "user"

    class Organisation(Model):
        id = UUIDField(primary_key=True)

        class Meta:
            database = db
            table_name = "organisation"

    class Recording(Model):
        id = UUIDField(primary_key=True)

        class Meta:
            database = db
            table_name = "recording"

    class Counterpart(Model):
        id = UUIDField(primary_key=True)
        leg = ForeignKeyField(Leg, on_delete="RESTRICT")
        number = CharField(max_length=128, default="", index=True)
        name = CharField(max_length=200, default="")
        joined_at = DateTimeField()
        left_at = DateTimeField(null=True)

        class Meta:
            database = db
            table_name = "counterpart"

    class Annotation(Model):
        id = UUIDField(primary_key=True)
        leg = ForeignKeyField(Leg, on_delete="RESTRICT")
        user = ForeignKeyField(User, null=True, on_delete="SET NULL")
        at = DateTimeField()
        field = CharField(max_length=8)
        before = TextField()
        after = TextField()

        class Meta:
            database = db
            table_name = "annotation"

    class Prompt(Model):
        id = UUIDField(primary_key=True)
        organisation = ForeignKeyField(Organisation, on_delete="CASCADE")
        kind = CharField(max_length=32)
        language = CharField(max_length=8)
        text = TextField(default="")
        file_name = CharField(max_length=255, default="")
        audio = BlobField()
        sha256 = CharField(max_length=64)
        duration_ms = IntegerField()
        changed_at = DateTimeField()

        class Meta:
            database = db
            table_name = "prompt"
            indexes = ((("organisation", "kind", "language"), True),)

    class Announcement(Model):
        id = UUIDField(primary_key=True)
        leg = ForeignKeyField(Leg, on_delete="RESTRICT")
        recording = ForeignKeyField(Recording, null=True, on_delete="RESTRICT")
        kind = CharField(max_length=32)
        sound = CharField(max_length=16)
        language = CharField(max_length=8)
        text = TextField()
        sha256 = CharField(max_length=64)
        heard_by = CharField(max_length=16)
        planned_at = DateTimeField()
        began_at = DateTimeField(null=True)
        ended_at = DateTimeField(null=True)
        outcome = CharField(max_length=16, default="")

        class Meta:
            database = db
            table_name = "announcement"

    db.create_tables([Counterpart, Annotation, Prompt, Announcement])
