"""When a user had put the other on hold."""

from peewee import *


def up(migrator, db):
    class Leg(Model):
        id = UUIDField(primary_key=True)

        class Meta:
            database = db
            table_name = "leg"

    class OnHold(Model):
        id = UUIDField(primary_key=True)
        leg = ForeignKeyField(Leg, on_delete="RESTRICT")
        began_at = DateTimeField()
        ended_at = DateTimeField(null=True)

        class Meta:
            database = db
            table_name = "on_hold"

    db.create_tables([OnHold], safe=False)


def down(migrator, db):
    raise NotImplementedError("restore the backup made before the upgrade")
