"""Calls that have no recording lose whom they were with, too, when one would have gone: how they are found."""


def up(migrator, db):
    db.execute_sql("CREATE INDEX leg_personal ON leg (user_id, created_at, id) WHERE channel_name <> ''")


def down(migrator, db):
    raise NotImplementedError("restore the backup made before the upgrade")
