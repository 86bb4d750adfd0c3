"""Handing recordings over: accounts of the SFTP service, what is pushed where, and what came of it."""

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

    class Group(Base):
        pass

    class Recording(Base):
        pass

    class Delivery(Base):
        organisation = ForeignKeyField(Organisation, unique=True, on_delete="RESTRICT")
        form = CharField(default="", max_length=8)
        everybody = BooleanField(default=True)
        login = CharField(null=True, unique=True, max_length=200)
        password_hash = CharField(null=True, max_length=200)
        acknowledges = BooleanField(default=False)

    class DeliveryGroup(Base):
        delivery = ForeignKeyField(Delivery, on_delete="CASCADE")
        group = ForeignKeyField(Group, on_delete="CASCADE")

        class Meta:
            indexes = ((("delivery", "group"), True),)

    class DeliveryKey(Base):
        delivery = ForeignKeyField(Delivery, on_delete="CASCADE")
        name = CharField(max_length=100)
        text = TextField()
        fingerprint = CharField(max_length=64)
        created_at = DateTimeField()
        created_by = CharField(max_length=200)
        seen_at = DateTimeField(null=True)

        class Meta:
            indexes = ((("delivery", "fingerprint"), True),)

    class DeliveryTarget(Base):
        organisation = ForeignKeyField(Organisation, unique=True, on_delete="RESTRICT")
        kind = CharField(max_length=8)
        place = TextField()
        secret = TextField(default="")
        enabled = BooleanField(default=False)
        test_asked_at = DateTimeField(null=True)
        tested_at = DateTimeField(null=True)
        test_problem = TextField(default="")

    class DeliveryDay(Base):
        organisation = ForeignKeyField(Organisation, on_delete="CASCADE")
        day = CharField(max_length=10)
        due_at = DateTimeField(null=True)
        attempts = IntegerField(default=0)
        problem = TextField(default="")
        files = IntegerField(default=0)
        sent = IntegerField(default=0)
        manifest_sha256 = CharField(default="", max_length=64)
        acknowledged_sha256 = CharField(default="", max_length=64)
        sent_at = DateTimeField(null=True)

        class Meta:
            indexes = ((("organisation", "day"), True),)

    class Handed(Base):
        organisation = ForeignKeyField(Organisation, on_delete="CASCADE")
        recording = ForeignKeyField(Recording, on_delete="CASCADE")
        way = CharField(max_length=8)
        done_at = DateTimeField(null=True)
        size_bytes = BigIntegerField(default=0)
        acknowledged_at = DateTimeField(null=True)
        problem = TextField(default="")

        class Meta:
            indexes = ((("recording", "way"), True), (("organisation", "done_at"), False))

    class ConvertedSize(Base):
        recording = ForeignKeyField(Recording, on_delete="CASCADE")
        form = CharField(max_length=8)
        made_by = CharField(max_length=200)
        size_bytes = BigIntegerField(null=True)
        sha256 = CharField(default="", max_length=64)
        problem = TextField(default="")
        at = DateTimeField(index=True)

        class Meta:
            indexes = ((("recording", "form"), True),)

    made = [Delivery, DeliveryGroup, DeliveryKey, DeliveryTarget, DeliveryDay, Handed, ConvertedSize]
    db.create_tables(made, safe=False)


def down(migrator, db):
    raise NotImplementedError("restore the backup made before the upgrade")
