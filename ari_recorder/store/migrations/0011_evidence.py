"""Manifests of recordings, trees of them, signed heads. What is there already gets its manifest later."""

from peewee import *
from uuid6 import uuid7

FOR_GOOD = ("tree_node", "tree_head")
"""Tables whose rows are neither changed nor deleted, whoever is connected."""
ON_SQLITE = """CREATE TRIGGER {table}_{event} BEFORE {event} ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
ON_POSTGRESQL = """CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION append_only()"""


def up(migrator, db):
    class Base(Model):
        id = UUIDField(primary_key=True, default=uuid7)

        class Meta:
            database = db
            legacy_table_names = False

    class Manifest(Base):
        organisation = UUIDField()
        number = IntegerField()
        recording = UUIDField(unique=True)
        text = TextField()
        personal = TextField()
        sha256 = CharField(max_length=64)

        class Meta:
            indexes = ((("organisation", "number"), True),)

    class TreeNode(Base):
        organisation = UUIDField()
        level = IntegerField()
        number = IntegerField()
        sha256 = CharField(max_length=64)

        class Meta:
            indexes = ((("organisation", "level", "number"), True),)

    class Tree(Base):
        organisation = UUIDField(unique=True)
        size = IntegerField()

    class TreeHead(Base):
        organisation = UUIDField()
        size = IntegerField()
        sha256 = CharField(max_length=64)
        at = DateTimeField()
        key_id = CharField(max_length=64)
        signature = TextField()

        class Meta:
            indexes = ((("organisation", "size"), True),)

    class SigningKey(Base):
        key_id = CharField(unique=True, max_length=64)
        pem = TextField()
        since = DateTimeField()

    db.create_tables([Manifest, TreeNode, Tree, TreeHead, SigningKey], safe=False)
    for table in FOR_GOOD:
        if "Postgresql" in type(db).__name__:
            db.execute_sql(ON_POSTGRESQL.format(table=table))
        else:
            for event in ("update", "delete"):
                db.execute_sql(ON_SQLITE.format(table=table, event=event))


def down(migrator, db):
    raise NotImplementedError("restore the backup made before the upgrade")
