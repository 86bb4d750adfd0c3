"""File descriptors: as many as the system gives a process, and some of the pages' kept for other things."""

from __future__ import annotations

import resource

RESERVE = 512
"""Never those of connections that are served: for catalogue, processes, and connections just accepted."""
EACH = 2
"""What one connection may take: its socket, and the file that it is sent."""
MOST = 65_536
"""More are not asked for: what the system calls unlimited can be a billion."""
LEAST = 8
"""Connections that the web has in any case."""


def hard_limit() -> int:
    """The most this process may have open, once it has asked for them."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)


def raise_limit() -> int:
    """Ask for all that there are; returns how many this process may have open now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < hard_limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit(), hard))
    return max(soft, hard_limit())


def for_web(limit: int) -> int:
    """How many connections the web may hold when ``limit`` descriptors can be open."""
    return max(LEAST, (limit - RESERVE) // EACH)
