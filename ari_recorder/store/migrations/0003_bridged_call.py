"""The bridge way: calls that the recorder connects itself."""

from peewee import *


def up(migrator, db):
    class BridgedCall(Model):
        id = UUIDField(primary_key=True)
        pbx = CharField(max_length=32)
        caller = CharField(max_length=150)
        endpoint = CharField(max_length=200)
        dial_s = IntegerField()
        planned_at = DateTimeField()
        over_at = DateTimeField(null=True, index=True)

        class Meta:
            database = db
            table_name = "bridged_call"

    db.create_tables([BridgedCall])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("bridged_call"))
