"""Webhooks: who is told of what, what waits to be told, and how telling went."""

from peewee import *
from uuid6 import uuid7

INDEXES = (
    """CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook_id, next_at)
        WHERE state = 'waiting'""",
    """CREATE INDEX webhook_delivery_order ON webhook_delivery (webhook_id, subject, place)
        WHERE state = 'waiting'""",
    "CREATE INDEX webhook_delivery_failed ON webhook_delivery (webhook_id, id) WHERE state = 'failed'",
)


def up(migrator, db):
    class Organisation(Model):
        id = UUIDField(primary_key=True)

        class Meta:
            database = db
            table_name = "organisation"

    class Base(Model):
        id = UUIDField(primary_key=True, default=uuid7)

        class Meta:
            database = db
            legacy_table_names = False

    class Webhook(Base):
        organisation = ForeignKeyField(Organisation, on_delete="CASCADE")
        name = CharField(max_length=100)
        url = CharField(max_length=2000)
        events = TextField()
        personal = BooleanField(default=False)
        secret = TextField()
        secret_before = TextField(default="")
        before_until = DateTimeField(null=True)
        created_at = DateTimeField()
        created_by = CharField(max_length=200)
        stopped = CharField(default="", max_length=16)
        stopped_at = DateTimeField(null=True)
        failures = IntegerField(default=0)
        failing_since = DateTimeField(null=True)
        rests_until = DateTimeField(null=True)
        delivered_at = DateTimeField(null=True)
        dropped = IntegerField(default=0)
        sender = CharField(default="", max_length=200)
        sender_until = DateTimeField(null=True)

    class Outbox(Base):
        organisation = UUIDField()
        type = CharField(max_length=40)
        subject = UUIDField()
        place = IntegerField()
        at = DateTimeField()
        data = TextField()

    class WebhookDelivery(Base):
        webhook = ForeignKeyField(Webhook, on_delete="CASCADE")
        event = UUIDField()
        type = CharField(max_length=40)
        subject = UUIDField()
        place = IntegerField()
        at = DateTimeField()
        data = TextField()
        created_at = DateTimeField(index=True)
        state = CharField(max_length=16)
        tries = IntegerField(default=0)
        attempts = IntegerField(default=0)
        next_at = DateTimeField()
        status = IntegerField(null=True)

        class Meta:
            indexes = ((("webhook", "event"), True), (("webhook", "created_at"), False))

    class WebhookAttempt(Base):
        delivery = ForeignKeyField(WebhookDelivery, on_delete="CASCADE")
        number = IntegerField()
        at = DateTimeField()
        status = IntegerField()
        took_ms = IntegerField()
        error = TextField()
        answer = TextField()

        class Meta:
            indexes = ((("delivery", "number"), True),)

    db.create_tables([Webhook, Outbox, WebhookDelivery, WebhookAttempt], safe=False)
    for statement in INDEXES:
        db.execute_sql(statement)


def down(migrator, db):
    raise NotImplementedError("restore the backup made before the upgrade")
