"""Rendering a page: templates, what every one of them gets, and the addresses of static files."""

from __future__ import annotations

import functools
import gzip
import hashlib
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web
from markupsafe import Markup
from yarl import URL

from ari_recorder.policies.text import harmless
from ari_recorder.web import told
from ari_recorder.web.administration.sections import home, is_large, menu, sections
from ari_recorder.web.context import ACCOUNT, BEARER, CONTEXT, FORM_TOKEN, LANGUAGE
from ari_recorder.web.language import LANGUAGES, Language, choose
from ari_recorder.web.security import new_nonce
from ari_recorder.web.thread import aside
from ari_recorder.web.words import Words, zone_named

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"
TEXTS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
LANGUAGE_COOKIE = "ari_recorder_language"


@functools.cache
def _templates() -> jinja2.Environment:
    """Compiled at their first use, once for the process. Every value in them is escaped and harmless."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        auto_reload=False,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["static"] = static_address
    environment.globals["icon"] = getattr(environment.get_template("icons.html").module, "icon")  # noqa: B009
    return environment


def _shown(value: Any) -> Any:
    """A text that somebody chose does not act on what stands beside it; what is markup already is ours."""
    return harmless(value, lines=True) if isinstance(value, str) and not isinstance(value, Markup) else value


async def render(
    request: web.Request,
    template: str,
    values: Mapping[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """A page in the reader's language, made beside the loop: tens of milliseconds."""
    values = {**_common(request), **values}
    text = await aside(lambda: _templates().get_template(template).render(values))
    return web.Response(text=text, status=status, headers=dict(headers or {}), content_type="text/html")


def part(template: str, language: Language, values: Mapping[str, Any]) -> Markup:
    """A part of pages that is the same for everybody who reads that language."""
    return Markup(_templates().get_template(template).render({"_": language.gettext, **values}))  # noqa: S704 - a template of ours


def words(request: web.Request) -> Words:
    """How values are written for who asks."""
    known = request.get(ACCOUNT) or request.get(BEARER)
    if not known:
        return Words(reader_language(request), zone_named("UTC"))
    return Words(reader_language(request), zone_named(known.timezone), known.tag_names)


def reader_language(request: web.Request) -> Language:
    """The language of who asks, chosen once a request and again when they are known."""
    found = request.get(LANGUAGE)
    return found or choose(
        request.cookies.get(LANGUAGE_COOKIE), None, request.headers.get("Accept-Language", "")
    )


async def send_static(request: web.Request) -> web.StreamResponse:
    """``GET /static/{path}``: a file of `static/`, for long when its address says which version.

    Such a text is compressed for who can read that.
    """
    path = STATIC / request.match_info["path"]
    if path not in _static_files():
        raise web.HTTPNotFound
    if "v" not in request.query:
        return web.FileResponse(path, headers={"Cache-Control": "no-cache"})
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if path.suffix not in TEXTS or not reads_gzip(request):
        return web.FileResponse(path, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return web.Response(
        body=_compressed(path), headers=headers, content_type=TEXTS[path.suffix], charset="utf-8"
    )


def reads_gzip(request: web.Request) -> bool:
    """Whether who asks can read gzip.

    Compress only what is the same for everybody: of an answer that has a secret, and words that somebody else
    has put in, the length would tell the secret.
    """
    return "gzip" in request.headers.get("Accept-Encoding", "")


def packed(top: bytes, rest: bytes) -> bytes:
    """Both as one gzip (RFC 1952): the top as it is, for it may have a secret, and the rest compressed."""
    made = _GZIP_BEGIN + _deflated(top, 0, zlib.Z_FULL_FLUSH) + _deflated_once(rest)
    whole = top + rest
    return made + struct.pack("<II", zlib.crc32(whole), len(whole) % 2**32)


@functools.lru_cache(maxsize=4)
def _deflated_once(rest: bytes) -> bytes:
    """Anybody can ask for it, and it takes tens of milliseconds."""
    return _deflated(rest, 9, zlib.Z_FINISH)


def _deflated(content: bytes, level: int, end: int) -> bytes:
    work = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    return work.compress(content) + work.flush(end)


_GZIP_BEGIN = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


@functools.cache
def _compressed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes())


@functools.cache
def _static_files() -> frozenset[Path]:
    """Every file that is served: what is asked for is compared with these, never opened as it is."""
    return frozenset(path for path in STATIC.rglob("*") if path.is_file())


@functools.cache
def static_address(path: str) -> str:
    """Address of a static file; it changes with the content, so that it can be cached for long."""
    digest = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:10]
    return f"/static/{path}?v={digest}"


def _common(request: web.Request) -> dict[str, Any]:
    language, account = reader_language(request), request.get(ACCOUNT)
    rights = account.scope.rights if account else frozenset()
    headings = sections(rights, request.path)
    return {
        "_": language.gettext,
        "ngettext": language.ngettext,
        "language": language.code,
        "languages": LANGUAGES,
        "words": words(request),
        "account": account,
        "printed_at": request.app[CONTEXT].now(),
        "home": home(rights) if account else "/",
        "menu": menu(rights, request.path),
        "sections": headings,
        "sections_are_many": is_large(headings),
        "told": told.of(request),
        "tab": None,
        "here": request.path,
        "form_token": request.get(FORM_TOKEN, ""),
        "nonce": new_nonce(request),
        "language_address": lambda code: _language_address(request, code),
    }


def _language_address(request: web.Request, code: str) -> str:
    """The same page in another language; the start page when this one cannot simply be asked for again."""
    address = request.rel_url if request.method == "GET" else URL("/")
    return str(address.update_query(lang=code))
