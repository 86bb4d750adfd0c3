"""Calls of the bridge way are found in Asterisk by their names: nothing of them is written down."""


def up(migrator, db):
    db.execute_sql('DROP TABLE "bridged_call"')


def down(migrator, db):
    raise NotImplementedError("restore the backup made before the upgrade")
