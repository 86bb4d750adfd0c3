"""PostgreSQL's index of texts knows of when a recording is, and whose, too."""

import structlog
from peewee import DatabaseError

SMALL = 10_000
"""Of so many recordings the index is made at once; of more the recorder makes it when it runs."""
EXTENSION = "CREATE EXTENSION IF NOT EXISTS btree_gin"
INDEX = """CREATE INDEX searched_in_time ON searched USING gin ((id >> 52), organisation, "user",
    numbers gin_trgm_ops, note gin_trgm_ops, words gin_trgm_ops) WITH (gin_pending_list_limit = 256)"""


def up(migrator, db):
    if "Postgresql" not in type(db).__name__ or not has_extensions(db):
        return
    (there,) = db.execute_sql(f"SELECT count(*) FROM (SELECT 1 FROM searched LIMIT {SMALL + 1}) s").fetchone()
    if there <= SMALL:
        db.execute_sql(INDEX)
        db.execute_sql("DROP INDEX IF EXISTS searched_text")


def has_extensions(db):
    """With those that any owner of a database may make, if they are installed."""
    try:
        with db.atomic():
            db.execute_sql(EXTENSION)
    except DatabaseError as error:
        structlog.get_logger(__name__).warning(
            "texts are searched without regard to when: the extension btree_gin cannot be made",
            error=str(error),
        )
        return False
    return bool(db.execute_sql("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'").fetchone())


def down(migrator, db):
    raise NotImplementedError("restore the backup made before the upgrade")
