"""What is billed: storage and retention of an organisation, and what held before they were changed."""

from peewee import *

INDEXES = (
    ("recording", ("organisation_id", "state", "stored_at", "size_bytes")),
    ("ledger_line", ("organisation_id", "opened_at")),
    ("ledger_line", ("organisation_id", "outcome", "opened_at")),
)


def up(migrator, db):
    for column, default in (("storage_mb", 30), ("retention_days", 180)):
        db.execute_sql(f'ALTER TABLE "organisation" ADD COLUMN "{column}" INTEGER NOT NULL DEFAULT {default}')

    class Organisation(Model):
        id = UUIDField(primary_key=True)

        class Meta:
            database = db
            table_name = "organisation"

    class Terms(Model):
        id = UUIDField(primary_key=True)
        organisation = ForeignKeyField(Organisation, on_delete="RESTRICT")
        since = DateTimeField()
        timezone = CharField(max_length=64)
        storage_mb = IntegerField()
        retention_days = IntegerField()

        class Meta:
            database = db
            table_name = "terms"
            indexes = ((("organisation", "since"), False),)

    db.create_tables([Terms])
    for table, columns in INDEXES:
        name = "_".join((table, *columns))
        db.execute_sql(f"CREATE INDEX {name} ON {table} ({', '.join(columns)})")


def down(migrator, db):
    raise NotImplementedError("restore the backup made before the upgrade")
