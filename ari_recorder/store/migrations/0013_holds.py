"""Legal holds, what searches under hold have found, erasures of people; what recordings of leavers bear."""

from peewee import *
from uuid6 import uuid7


def up(migrator, db):
    class Base(Model):
        id = UUIDField(primary_key=True, default=uuid7)

        class Meta:
            database = db
            legacy_table_names = False

    class Organisation(Base):
        pass

    class Hold(Base):
        organisation = ForeignKeyField(Organisation, on_delete="RESTRICT")
        kind = CharField(max_length=16)
        recording = UUIDField(null=True)
        user = UUIDField(null=True)
        number = CharField(default="", max_length=128)
        query = TextField(default="")
        wanted = TextField(default="")
        reason = TextField()
        people = TextField(default="")
        begun_at = DateTimeField()
        begun_by = CharField(max_length=200)
        ends_at = DateTimeField(null=True)
        over_at = DateTimeField(null=True)
        over_by = CharField(default="", max_length=200)
        over_why = TextField(default="")
        fixed_up_to = UUIDField(null=True)

        class Meta:
            indexes = ((("organisation", "over_at"), False),)

    class HeldRecording(Base):
        hold = ForeignKeyField(Hold, on_delete="CASCADE", index=False)
        recording = UUIDField(index=True)

        class Meta:
            indexes = ((("hold", "recording"), True),)

    class Erasure(Base):
        organisation = ForeignKeyField(Organisation, on_delete="RESTRICT")
        kind = CharField(max_length=16)
        user = UUIDField(null=True)
        number = CharField(default="", max_length=128)
        name = CharField(default="", max_length=200)
        pseudonym = CharField(max_length=64)
        reference = CharField(default="", max_length=200)
        begun_at = DateTimeField()
        begun_by = CharField(max_length=200)
        state = CharField(max_length=16)
        step = CharField(max_length=16)
        behind = UUIDField(null=True)
        counts = TextField(default="{}")
        looked_at = DateTimeField()
        done_at = DateTimeField(null=True)
        report = TextField(default="")
        report_sha256 = CharField(default="", max_length=64)

        class Meta:
            indexes = ((("organisation", "begun_at"), False),)

    db.create_tables([Hold, HeldRecording, Erasure], safe=False)
    db.execute_sql("ALTER TABLE organisation ADD COLUMN leavers VARCHAR(16) NOT NULL DEFAULT 'name'")


def down(migrator, db):
    raise NotImplementedError("restore the backup made before the upgrade")
