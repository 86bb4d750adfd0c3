"""What a browser calls itself, in plain words."""

from __future__ import annotations

import re

_BROWSERS = (
    (r"\bEdgA?/", "Edge"),
    (r"\bOPR/", "Opera"),
    (r"\bSamsungBrowser/", "Samsung Internet"),
    (r"\b(Firefox|FxiOS)/", "Firefox"),
    (r"\b(Chrome|CriOS|HeadlessChrome)/", "Chrome"),
    (r"\bSafari/", "Safari"),
)
"""The first that is found: most call themselves by the names of others, too."""
_SYSTEMS = (
    (r"\bAndroid\b", "Android"),
    (r"\b(iPhone|iPod)\b", "iPhone"),
    (r"\biPad\b", "iPad"),
    (r"\bWindows\b", "Windows"),
    (r"\bMac OS X\b", "macOS"),
    (r"\bCrOS\b", "ChromeOS"),
    (r"\bLinux\b", "Linux"),
)
_PROGRAM = re.compile(r"([A-Za-z][\w.-]{0,30})/\d")


def browser_and_system(agent: str) -> tuple[str, str]:
    """As ``("Firefox", "Linux")``; a program has its own name and no system, and what is unknown neither."""
    browser, system = _first(_BROWSERS, agent), _first(_SYSTEMS, agent)
    if not browser and not system and (program := _PROGRAM.match(agent)):
        return program[1], ""
    return browser, system


def _first(known: tuple[tuple[str, str], ...], agent: str) -> str:
    return next((name for pattern, name in known if re.search(pattern, agent)), "")
