"""Which vault a recording is in, and which are being moved; those of before are in the one there was."""

from peewee import *
from uuid6 import uuid7


def up(migrator, db):
    class VaultPlace(Model):
        id = UUIDField(primary_key=True, default=uuid7)
        address = TextField()
        since = DateTimeField()

        class Meta:
            database = db
            legacy_table_names = False

    class VaultMove(Model):
        id = UUIDField(primary_key=True, default=uuid7)
        key = CharField(max_length=200)
        source = UUIDField()
        target = UUIDField()
        held_until = DateTimeField(index=True)

        class Meta:
            database = db
            legacy_table_names = False

    db.create_tables([VaultPlace, VaultMove], safe=False)
    uuid = "UUID" if "Postgresql" in type(db).__name__ else "TEXT"
    column = f"vault_id {uuid} NULL REFERENCES vault_place (id) ON DELETE RESTRICT"
    db.execute_sql(f"ALTER TABLE recording ADD COLUMN {column}")
    db.execute_sql("CREATE INDEX recording_vault ON recording (vault_id, id) WHERE vault_key IS NOT NULL")


def down(migrator, db):
    raise NotImplementedError("restore the backup made before the upgrade")
