"""Keys of organisations, and of each recording: what was stored before stays as it is, and readable."""

from peewee import *
from uuid6 import uuid7

ADDED = (
    ("stored_bytes", "INTEGER NULL"),
    ("stored_sha256", "VARCHAR(64) NULL"),
    ("organisation_key_id", "{uuid} NULL REFERENCES organisation_key (id) ON DELETE RESTRICT"),
    ("wrapped_key", "VARCHAR(128) NULL"),
)
CHANGED = ("CREATE INDEX recording_organisation_key_id ON recording (organisation_key_id)",)


def up(migrator, db):
    class Organisation(Model):
        id = UUIDField(primary_key=True)

        class Meta:
            database = db
            legacy_table_names = False

    class OrganisationKey(Model):
        id = UUIDField(primary_key=True, default=uuid7)
        organisation = ForeignKeyField(Organisation, on_delete="RESTRICT")
        wrapped = CharField(max_length=128)
        master = CharField(max_length=16)
        created_at = DateTimeField()

        class Meta:
            database = db
            legacy_table_names = False

    db.create_tables([OrganisationKey], safe=False)
    uuid = "UUID" if "Postgresql" in type(db).__name__ else "TEXT"
    for column, kind in ADDED:
        db.execute_sql(f'ALTER TABLE recording ADD COLUMN "{column}" {kind.format(uuid=uuid)}')
    for statement in CHANGED:
        db.execute_sql(statement)


def down(migrator, db):
    raise NotImplementedError("restore the backup made before the upgrade")
