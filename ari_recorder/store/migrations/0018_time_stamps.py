"""Time stamps of signed heads. What is there is neither changed nor deleted, whoever is connected."""

from peewee import *
from uuid6 import uuid7

ON_SQLITE = """CREATE TRIGGER head_stamp_{event} BEFORE {event} ON head_stamp
    BEGIN SELECT RAISE(ABORT, 'head_stamp is append-only'); END"""
ON_POSTGRESQL = """CREATE TRIGGER head_stamp_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON head_stamp
    FOR EACH STATEMENT EXECUTE FUNCTION append_only()"""


def up(migrator, db):
    class HeadStamp(Model):
        id = UUIDField(primary_key=True, default=uuid7)
        organisation = UUIDField()
        number = IntegerField()
        size = IntegerField()
        stamped_sha256 = CharField(max_length=64)
        at = DateTimeField()
        authority = TextField()
        serial = CharField(max_length=64)
        response = TextField()
        sha256 = CharField(max_length=64)
        anchors = TextField()
        kept_at = DateTimeField()

        class Meta:
            database = db
            legacy_table_names = False
            indexes = ((("organisation", "size"), True), (("organisation", "number"), True))

    db.create_tables([HeadStamp], safe=False)
    if "Postgresql" in type(db).__name__:
        db.execute_sql(ON_POSTGRESQL)
    else:
        for event in ("update", "delete"):
            db.execute_sql(ON_SQLITE.format(event=event))


def down(migrator, db):
    raise NotImplementedError("restore the backup made before the upgrade")
