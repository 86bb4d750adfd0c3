"""A leg is one machine, kept as one document; segments say what of their files is kept; no intents.

Calls that go on during the upgrade are over for what was written of them so far: the recorder begins their
legs anew, under new names.
"""

from datetime import UTC, datetime

ADDED = (
    ("leg", "machine", "TEXT NOT NULL DEFAULT ''"),
    ("segment", "file_began_at", "{time} NULL"),
    ("segment", "file_ended_at", "{time} NULL"),
)
REMOVED = (
    ("leg", ("recordings", "segments", "losses", "lost_at", "armings", "preferences")),
    ("organisation", ("internal_numbers",)),
)
UPGRADED = "The recorder was upgraded during the call, and began anew as the mode of its user says."

ENDS = (
    "UPDATE segment SET ended_at = {now} WHERE ended_at IS NULL",
    """UPDATE recording SET problems = ltrim(problems || '\n{upgraded}', '\n'), ended_at = {now},
        state = CASE WHEN kept THEN 'closing' ELSE 'discarding' END WHERE state = 'open'""",
    "UPDATE counterpart SET left_at = {now} WHERE left_at IS NULL",
    "UPDATE announcement SET outcome = 'cut', ended_at = {now} WHERE outcome = ''",
    """UPDATE ledger_line SET closed_at = {now}, reason = 'The recorder was upgraded during the call.',
        outcome = CASE
            WHEN leg_id IN (SELECT leg_id FROM recording WHERE state = 'stored') THEN 'recorded'
            WHEN leg_id IN (SELECT leg_id FROM recording WHERE state = 'discarded') THEN 'discarded'
            ELSE 'not_recorded' END
        WHERE closed_at IS NULL AND leg_id NOT IN
            (SELECT leg_id FROM recording WHERE state IN ('closing', 'discarding'))""",
    "UPDATE leg SET state = 'ended', ended_at = {now} WHERE state <> 'ended'",
)


def up(migrator, db):
    time = "TIMESTAMP" if "Postgresql" in type(db).__name__ else "DATETIME"
    now = f"'{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}'"
    for statement in ENDS:
        db.execute_sql(statement.format(now=now, upgraded=UPGRADED))
    for table, column, kind in ADDED:
        db.execute_sql(f'ALTER TABLE "{table}" ADD COLUMN "{column}" {kind.format(time=time)}')
    for table, columns in REMOVED:
        for column in columns:
            db.execute_sql(f'ALTER TABLE "{table}" DROP COLUMN "{column}"')
    db.execute_sql("DROP TABLE intent")
    db.execute_sql("DROP INDEX segment_name")
    db.execute_sql("DROP INDEX recording_state")
    db.execute_sql("DROP INDEX leg_state")
    db.execute_sql("CREATE INDEX leg_going_on ON leg (pbx) WHERE machine <> ''")
    db.execute_sql(
        "CREATE INDEX recording_waiting ON recording (ended_at, id) WHERE state IN ('closing', 'discarding')"
    )
    db.execute_sql("CREATE INDEX segment_uncleared ON segment (recording_id) WHERE NOT cleared")


def down(migrator, db):
    raise NotImplementedError("restore the backup made before the upgrade")
