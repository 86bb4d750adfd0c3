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

from ari_recorder.web.context import Part, Probe, WebContext
from ari_recorder.web.routes import create_app
from ari_recorder.web.server import Server, check_exposure, start

__all__ = ["Part", "Probe", "Server", "WebContext", "check_exposure", "create_app", "start"]
