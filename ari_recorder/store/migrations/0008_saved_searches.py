"""Searches of the list of recordings that somebody keeps under a name."""

from peewee import *


def up(migrator, db):
    class User(Model):
        id = UUIDField(primary_key=True)

        class Meta:
            database = db
            table_name = "user"

    class SavedSearch(Model):
        id = UUIDField(primary_key=True)
        user = ForeignKeyField(User, on_delete="CASCADE")
        name = CharField(max_length=100)
        query = TextField()
        created_at = DateTimeField()

        class Meta:
            database = db
            table_name = "saved_search"
            indexes = ((("user", "name"), True),)

    db.create_tables([SavedSearch])


def down(migrator, db):
    raise NotImplementedError("restore the backup made before the upgrade")
