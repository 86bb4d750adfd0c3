"""How rare any three characters in a row are in SQLite's full-text index; only speed depends on it.

Seen by how far back the newest few dozen of them reach, since to count them would take as long as to go
through them. That is kept for a while, because it hardly changes.
"""

from __future__ import annotations

import threading
import time

from ari_recorder.store.sql import rows, sql

LENGTH = 3
RAREST = 3
"""So many together leave little of what else has each of them."""
LOOKED_AT = 50
COMMON_OF = 250
"""What reaches less far back than the newest so many recordings do is a fifth of all or more."""
KEPT_S, KEPT_MAX = 600.0, 50_000
_BEFORE_ALL = -(2**63)

_kept: dict[str, tuple[float, int]] = {}
_keeping = threading.Lock()


def rarest(of: str, part: str) -> list[str]:
    """The rarest of a part's, the first the most; ``of`` says in which columns."""
    every = list(dict.fromkeys(quoted(part[n : n + LENGTH]) for n in range(len(part) - LENGTH + 1)))
    return every if len(every) == 1 else sorted(every, key=lambda gram: _reach(of + gram))[:RAREST]


def is_common(match: str) -> bool:
    """Whether a good part of all recordings has it."""
    since = _reach(match)
    newest = sql(f"SELECT 1 FROM searched NOT INDEXED WHERE id > {{}} LIMIT {COMMON_OF}", since)
    return bool(rows(sql("SELECT count(*) FROM ({}) newest", newest))[0][0] < COMMON_OF)


def quoted(text: str) -> str:
    """As a text of the index's language: https://sqlite.org/fts5.html#full_text_query_syntax."""
    return '"' + text.replace('"', '""') + '"'


def _reach(match: str) -> int:
    """The place of the last of the newest few dozen; where there are not so many, before all others."""
    now_s = time.monotonic()
    kept = _kept.get(match)
    if kept is not None and now_s - kept[0] < KEPT_S:
        return kept[1]
    newest = f"ORDER BY rowid DESC LIMIT 1 OFFSET {LOOKED_AT}"
    found = rows(sql(f"SELECT rowid FROM searched_text WHERE searched_text MATCH {{}} {newest}", match))
    reach = int(found[0][0]) if found else _BEFORE_ALL
    with _keeping:
        if len(_kept) >= KEPT_MAX:
            _kept.clear()
        _kept[match] = (now_s, reach)
    return reach
