"""How long recordings are kept: of groups, of users, by which clock; what waits to be gone; the disposal
log.
"""

from peewee import *
from uuid6 import uuid7

FOR_GOOD = ("disposal",)
"""Tables whose rows are neither changed nor deleted, whoever is connected."""
ON_SQLITE = """CREATE TRIGGER {table}_{event} BEFORE {event} ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
ON_POSTGRESQL = """CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION append_only()"""
UNKEPT = """CREATE INDEX recording_unkept ON recording (user_id, started_at)
    WHERE state IN ('discarded', 'empty')"""


def up(migrator, db):
    class Base(Model):
        id = UUIDField(primary_key=True, default=uuid7)

        class Meta:
            database = db
            legacy_table_names = False

    class User(Base):
        pass

    class Retained(Base):
        user = ForeignKeyField(User, unique=True, on_delete="CASCADE")
        days = IntegerField(null=True)
        next_days = IntegerField(null=True)
        next_from = DateTimeField(null=True)

    class RetentionClock(Base):
        trusted = DateTimeField()
        wall = DateTimeField()
        steady_s = FloatField()
        forgotten_at = DateTimeField(null=True)

    class Disposing(Base):
        recording = UUIDField(unique=True)
        organisation = UUIDField(index=True)
        was = CharField(max_length=16)
        rule = CharField(max_length=16)
        detail = TextField()
        actor_kind = CharField(max_length=16)
        actor = CharField(max_length=64)
        asked_at = DateTimeField()

    class Disposal(Base):
        organisation = UUIDField()
        recording = UUIDField(unique=True)
        leg = UUIDField(index=True)
        leaf = IntegerField(null=True)
        was = CharField(max_length=16)
        started_at = DateTimeField()
        stored_at = DateTimeField(null=True)
        size_bytes = BigIntegerField()
        rule = CharField(max_length=16)
        detail = TextField()
        actor_kind = CharField(max_length=16)
        actor = CharField(max_length=64)
        asked_at = DateTimeField()
        at = DateTimeField()

        class Meta:
            indexes = ((("organisation", "at", "stored_at", "size_bytes"), False),)

    db.execute_sql('ALTER TABLE "group" ADD COLUMN "retention_days" INTEGER NULL')
    db.create_tables([Retained, RetentionClock, Disposing, Disposal], safe=False)
    db.execute_sql(UNKEPT)
    for table in FOR_GOOD:
        if "Postgresql" in type(db).__name__:
            db.execute_sql(ON_POSTGRESQL.format(table=table))
        else:
            for event in ("update", "delete"):
                db.execute_sql(ON_SQLITE.format(table=table, event=event))


def down(migrator, db):
    raise NotImplementedError("restore the backup made before the upgrade")
