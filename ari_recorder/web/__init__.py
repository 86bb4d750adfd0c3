"""My Pages, the read API and the health endpoints.

::

    request ─► headers ─► errors ─► session ─► gate (who asks · which language · forms) ─► pages · api
                                                                                            │
               every read: store/catalogue for `Viewer.of(who asks)`  ◄─────────────────────┘

Only this package imports `aiohttp.web`. `app.py` of the package above puts it together::

    server = await start(WebContext(store, vault, settings.web, key_file, probes, live))
    ...
    await server.close()
"""

from ari_recorder.web.context import Part, Probe, WebContext
from ari_recorder.web.routes import create_app
from ari_recorder.web.server import Server, check_exposure, start

__all__ = ["Part", "Probe", "Server", "WebContext", "check_exposure", "create_app", "start"]
