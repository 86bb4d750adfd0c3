"""What the doctor says of the pages' address and certificate."""

from __future__ import annotations

from pathlib import Path

import pytest

from ari_recorder.config import Web
from ari_recorder.doctor.pages import look_at_pages
from ari_recorder.doctor.report import Check, Verdict
from ari_recorder.policies.proxies import Networks

from ..web.proxy import make_certificate


def checks(settings: Web) -> dict[str, Check]:
    return {check.name: check for check in look_at_pages(settings)}


def test_the_loopback_needs_nothing() -> None:
    found = checks(Web())
    assert (found["address"].verdict, found["address"].found) == (Verdict.GOOD, "127.0.0.1, plain HTTP")
    assert "certificate" not in found


def test_where_others_would_overhear_it_says_so() -> None:
    (found,) = look_at_pages(Web(host="192.0.2.1"))
    assert found.verdict is Verdict.BAD
    assert "web.trusted_proxies" in found.found
    (found,) = look_at_pages(Web(host="192.0.2.1", trusted_proxies=Networks.of(["192.0.2.2"])))
    assert (found.verdict, found.found) == (Verdict.GOOD, "192.0.2.1, plain HTTP, proxies: 192.0.2.2")


@pytest.mark.parametrize(("days", "verdict"), [(30, Verdict.GOOD), (13, Verdict.WARNING), (-1, Verdict.BAD)])
def test_a_certificate_that_ends(tmp_path: Path, days: float, verdict: Verdict) -> None:
    made = make_certificate(tmp_path, days=days)
    found = checks(Web(host="192.0.2.1", tls_certificate=made.certificate, tls_key=made.key))
    assert found["address"].verdict is Verdict.GOOD
    assert found["certificate"].verdict is verdict


def test_a_certificate_that_cannot_be_read(tmp_path: Path) -> None:
    (found,) = look_at_pages(Web(tls_certificate=tmp_path / "gone", tls_key=tmp_path / "gone"))
    assert (found.verdict, "gone cannot be read" in found.found) == (Verdict.BAD, True)
