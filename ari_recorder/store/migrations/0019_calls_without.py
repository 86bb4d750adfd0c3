"""Calls without a recording lose whom they were with when one would have gone: how these are found."""


def up(migrator, db):
    db.execute_sql("CREATE INDEX leg_personal ON leg (user_id, created_at, id) WHERE channel_name <> ''")


def down(migrator, db):
    raise NotImplementedError("restore the backup made before the upgrade")
