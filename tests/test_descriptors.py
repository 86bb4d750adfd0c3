"""How many files can be open, and how many of them are the pages'."""

from __future__ import annotations

import resource

import pytest

from ari_recorder import descriptors
from ari_recorder.config import Settings
from ari_recorder.doctor.local import look_at_descriptors
from ari_recorder.doctor.report import Verdict


def test_the_limit_is_raised_as_far_as_it_goes() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (600, before[1]))
        assert descriptors.raise_limit() == descriptors.hard_limit() == min(before[1], descriptors.MOST)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == descriptors.hard_limit()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_doctor_tells_of_a_low_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptors, "MOST", 4096)
    assert look_at_descriptors(Settings()).verdict is Verdict.GOOD
    monkeypatch.setattr(descriptors, "MOST", 1024)
    low = look_at_descriptors(Settings())
    assert low.verdict is Verdict.WARNING
    assert ("256 connections" in low.found, "Allow 1512" in low.remedy) == (True, True)
