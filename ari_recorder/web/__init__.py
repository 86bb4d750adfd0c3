"""My Pages, the read API and the health endpoints.

::

    connection ─► entrance (how many · TLS) ─► errors ─► client (from where · by which name)
                                                            │
              pages · api  ◄─ gate (who asks · which language · how often · forms)  ◄┘
                   │
                   └─► every read: store/catalogue in the scope of who asks

Only this package imports `aiohttp.web`. `app.py` of the package above puts it together::

    server = await start(WebContext(store, safe, settings.web, key_file, probes, live))
    ...
    await server.close()
"""

from ari_recorder.web.context import Part, Probe, WebContext
from ari_recorder.web.routes import create_app
from ari_recorder.web.server import Server, check_exposure, start

__all__ = ["Part", "Probe", "Server", "WebContext", "check_exposure", "create_app", "start"]
