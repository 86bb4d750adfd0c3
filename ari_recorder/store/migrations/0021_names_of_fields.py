"""An organisation calls the three fields of its calls what it likes; without a name they are numbered."""

NAMES = ("tag1_name", "tag2_name", "tag3_name")


def up(migrator, db):
    for name in NAMES:
        db.execute_sql(f"ALTER TABLE organisation ADD COLUMN {name} VARCHAR(40) NOT NULL DEFAULT ''")


def down(migrator, db):
    raise NotImplementedError("restore the backup made before the upgrade")
