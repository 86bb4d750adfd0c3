"""The seals, as the pages have them."""

from __future__ import annotations

from aiohttp import web

from ari_recorder.seals import Purpose, Seals, load_key

__all__ = ("SEALS", "Purpose", "Seals", "load_key")

SEALS = web.AppKey("seals", Seals)
