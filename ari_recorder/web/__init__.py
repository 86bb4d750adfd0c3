"""My Pages, the read API and the health endpoints.

::

    connection ─► entrance (how many · TLS) ─► errors ─► client (from where · by which name)
                                                            │
              pages · api  ◄─ gate (who asks · which language · how often · forms)  ◄┘
                   │
                   └─► every read: store/catalogue in the scope of who asks

Only this package imports `aiohttp.web`. All that is in the picture is a process of its own (`opening.py`),
which the recorder starts, starts again when it ends, and speaks to (`apart.py`, `line.py`)::

    pages = Pages(Opening(…, bound=await prepare(settings.web, store)), live, probes)
    await pages.run()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ari_recorder.web.context import Part, Probe, WebContext
    from ari_recorder.web.routes import create_app
    from ari_recorder.web.server import Server, check_exposure, start

__all__ = ["Part", "Probe", "Server", "WebContext", "check_exposure", "create_app", "start"]
_OF = {"Part": "context", "Probe": "context", "WebContext": "context", "create_app": "routes"}


def __getattr__(name: str) -> Any:
    """Imported when asked for: the recorder's own process does without the pages, and starts sooner."""
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_OF.get(name, 'server')}"), name)
