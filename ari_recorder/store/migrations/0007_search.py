"""What recordings are found by, indexed on both databases; the organisation's country.

What is there already comes into the search while the recorder works (`search_index`), the newest first.
So do the indexes that lists are read from, if there is much: the start waits for neither.
"""

from uuid import UUID

import structlog
from peewee import *

SMALL = 20_000
"""Recordings up to which the indexes are made at once."""
SHOWN = "state IN ('open', 'closing', 'stored')"
LISTED = (
    f"""CREATE INDEX recording_listed ON recording
        (organisation_id, started_at, id, user_id, duration_ms, direction, mode) WHERE {SHOWN}""",
    f"""CREATE INDEX recording_listed_user ON recording
        (user_id, started_at, id, organisation_id, duration_ms, direction, mode, mark) WHERE {SHOWN}""",
    f"""CREATE INDEX recording_listed_length ON recording
        (organisation_id, coalesce(duration_ms, -1), id, started_at, user_id) WHERE {SHOWN}""",
    f"""CREATE INDEX recording_listed_mark ON recording
        (organisation_id, mark, started_at, id, user_id) WHERE {SHOWN} AND mark <> ''""",
    f"""CREATE INDEX recording_listed_unready ON recording
        (organisation_id, state, started_at, id, user_id) WHERE {SHOWN} AND state <> 'stored'""",
    f"""CREATE INDEX recording_listed_problems ON recording
        (organisation_id, started_at, id, user_id) WHERE {SHOWN} AND problems <> ''""",
)

OF_RECORDING = ("note", "tag1", "tag2", "tag3", "counterpart_number", "counterpart_name", "started_at",
                "ended_at", "organisation_id", "user_id", "leg_id")  # fmt: skip
"""What of a recording changes what it is found by; so does whether its state is one that lists show."""
OF_COUNTERPART = ("number", "name", "joined_at", "left_at", "leg_id")

NOTED = "INSERT INTO unsearched (id) {select} ON CONFLICT DO NOTHING"
ITS = "SELECT id FROM recording WHERE leg_id = {row}.leg_id"
DIFFERS = {"sqlite": "OLD.{0} IS NOT NEW.{0}", "postgresql": "OLD.{0} IS DISTINCT FROM NEW.{0}"}

ON_SQLITE = (
    """CREATE VIRTUAL TABLE searched_text USING fts5 (who, numbers, note, words,
        content = 'searched', content_rowid = 'id', detail = column,
        tokenize = 'trigram case_sensitive 1')""",
    """CREATE TRIGGER searched_new AFTER INSERT ON searched BEGIN
        INSERT INTO searched_text (rowid, who, numbers, note, words)
        VALUES (NEW.id, NEW.who, NEW.numbers, NEW.note, NEW.words); END""",
    """CREATE TRIGGER searched_gone AFTER DELETE ON searched BEGIN
        INSERT INTO searched_text (searched_text, rowid, who, numbers, note, words)
        VALUES ('delete', OLD.id, OLD.who, OLD.numbers, OLD.note, OLD.words); END""",
    """CREATE TRIGGER searched_changed AFTER UPDATE ON searched BEGIN
        INSERT INTO searched_text (searched_text, rowid, who, numbers, note, words)
        VALUES ('delete', OLD.id, OLD.who, OLD.numbers, OLD.note, OLD.words);
        INSERT INTO searched_text (rowid, who, numbers, note, words)
        VALUES (NEW.id, NEW.who, NEW.numbers, NEW.note, NEW.words); END""",
)
EXTENSION = "CREATE EXTENSION IF NOT EXISTS pg_trgm"
ON_POSTGRESQL = """CREATE INDEX searched_text ON searched USING gin
    (numbers gin_trgm_ops, note gin_trgm_ops, words gin_trgm_ops) WITH (gin_pending_list_limit = 256)"""


def up(migrator, db):
    postgresql = "Postgresql" in type(db).__name__
    db.execute_sql("ALTER TABLE organisation ADD COLUMN country VARCHAR(2) NOT NULL DEFAULT ''")
    db.execute_sql("DROP INDEX recording_counterpart_number")
    db.execute_sql("DROP INDEX counterpart_number")
    make_tables(db)
    if postgresql:
        index_texts(db)
    else:
        for statement in ON_SQLITE:
            db.execute_sql(statement)
    for statement in triggers("postgresql" if postgresql else "sqlite"):
        db.execute_sql(statement)
    take_in(db)


def make_tables(db):
    class Recording(Model):
        id = UUIDField(primary_key=True)

        class Meta:
            database = db
            table_name = "recording"

    class Searched(Model):
        id = BigIntegerField(primary_key=True)
        recording = ForeignKeyField(Recording, unique=True, on_delete="CASCADE")
        organisation = UUIDField()
        user = UUIDField()
        who = CharField(max_length=6)
        numbers = TextField()
        note = TextField()
        words = TextField()

        class Meta:
            database = db
            table_name = "searched"
            indexes = ((("organisation", "id"), False), (("user", "id"), False))

    class Unsearched(Model):
        id = UUIDField(primary_key=True)

        class Meta:
            database = db
            table_name = "unsearched"

    class SearchBacklog(Model):
        id = UUIDField(primary_key=True)
        below = UUIDField()

        class Meta:
            database = db
            table_name = "search_backlog"

    db.create_tables([Searched, Unsearched, SearchBacklog])


def index_texts(db):
    """With the extension, which any owner of a database may make, if it is installed."""
    try:
        with db.atomic():
            db.execute_sql(EXTENSION)
    except DatabaseError as error:
        structlog.get_logger(__name__).warning(
            "texts are searched without an index: the extension pg_trgm cannot be made", error=str(error)
        )
        return
    db.execute_sql(ON_POSTGRESQL)


def triggers(kind):
    """Whoever changes what a recording is found by notes so in the same transaction."""
    old, new = (f"({SHOWN.replace('state', f'{row}.state')})" for row in ("OLD", "NEW"))
    changed = " OR ".join((f"{old} <> {new}", *(DIFFERS[kind].format(column) for column in OF_RECORDING)))
    counterpart = " OR ".join(DIFFERS[kind].format(column) for column in OF_COUNTERPART)
    its, its_old = ITS.format(row="NEW"), ITS.format(row="OLD")
    for name, event, table, condition, selects in (
        ("recording_new", "INSERT", "recording", "", ["SELECT NEW.id"]),
        ("recording_changed", "UPDATE", "recording", changed, ["SELECT NEW.id"]),
        ("counterpart_new", "INSERT", "counterpart", "", [its]),
        ("counterpart_changed", "UPDATE", "counterpart", counterpart, [its, its_old]),
        ("counterpart_gone", "DELETE", "counterpart", "", [its_old]),
    ):
        yield from _trigger(kind, name, event, table, condition, selects)


def _trigger(kind, name, event, table, condition, selects):
    when = f"WHEN ({condition})" if condition else ""
    if kind == "sqlite":  # without WHERE the conflict clause would be taken for a join's
        noted = "; ".join(NOTED.format(select=f"{s if ' WHERE ' in s else f'{s} WHERE 1'}") for s in selects)
        yield f"CREATE TRIGGER {name} AFTER {event} ON {table} {when} BEGIN {noted}; END"
        return
    noted = "; ".join(NOTED.format(select=select) for select in selects)
    yield f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN {noted}; RETURN NULL; END$$"""
    yield f"CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW {when} EXECUTE FUNCTION {name}()"


def take_in(db):
    """What is there already waits its turn; of little the indexes are made now."""
    (there,) = db.execute_sql(
        f"SELECT count(*) FROM (SELECT 1 FROM recording LIMIT {SMALL + 1}) r"
    ).fetchone()
    if there:
        mark = "%s" if "Postgresql" in type(db).__name__ else "?"
        ids = UUID(int=0).hex, UUID(int=2**128 - 1).hex
        db.execute_sql(f"INSERT INTO search_backlog (id, below) VALUES ({mark}, {mark})", ids)
    if there <= SMALL:
        for statement in LISTED:
            db.execute_sql(statement)


def down(migrator, db):
    raise NotImplementedError("restore the backup made before the upgrade")
