"""The doctor names what waits and cannot be finished, and a vault that is away."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ari_recorder.config import Pbx, Settings, Vault
from ari_recorder.config import Store as StoreSettings
from ari_recorder.doctor.local import look_at_store
from ari_recorder.doctor.recordings import look_at_vaults
from ari_recorder.doctor.report import Verdict
from ari_recorder.policies.table import Event
from ari_recorder.store.database import Store

from ..store.build import BEGIN, PBX, Call, add_user, finish, recorded_call, safe_in


@pytest.fixture
def store_path(tmp_path: Path, empty_sqlite: Path) -> Path:
    path = tmp_path / "catalogue.db"
    path.write_bytes(empty_sqlite.read_bytes())
    return path


def checks(path: Path, *pbxs: str) -> list[tuple[Verdict, str]]:
    settings = Settings(pbx=dict.fromkeys(pbxs, Pbx()), store=StoreSettings(url=f"sqlite:///{path}"))
    return [
        (c.verdict, f"{c.found} {c.remedy}") for c in look_at_store(settings)[0] if c.name == "recordings"
    ]


@pytest.mark.parametrize(("at", "verdict"), [(datetime.now(UTC), Verdict.GOOD), (BEGIN, Verdict.WARNING)])
def test_what_waits_is_told_with_its_age(store_path: Path, at: datetime, verdict: Verdict) -> None:
    store = Store(f"sqlite:///{store_path}")
    recorded_call(store, add_user(store), at=at)
    store.close()
    ((found, text),) = checks(store_path, PBX)
    assert found is verdict
    assert text.startswith("1 recording waits to be finished, for ")


def test_recordings_of_an_asterisk_that_is_gone_are_named(store_path: Path) -> None:
    store = Store(f"sqlite:///{store_path}")
    anna = add_user(store)
    recorded_call(store, anna, at=datetime.now(UTC))
    Call.rings(store, anna).happens(Event.ANSWERED)
    store.close()
    (_, (verdict, text)) = checks(store_path, "other")
    assert verdict is Verdict.BAD
    assert f"2 not finished belong to an Asterisk '{PBX}' that is not in the settings" in text
    assert f"Add [pbx.{PBX}] back" in text


def test_a_vault_that_is_away_is_told_and_not_made(store_path: Path, tmp_path: Path) -> None:
    root = tmp_path / "vault"
    store = Store(f"sqlite:///{store_path}")
    recorded_call(store, add_user(store))
    finish(store, safe_in(store, tmp_path), tmp_path)
    store.close()
    settings = Settings(store=StoreSettings(url=f"sqlite:///{store_path}"), vault=Vault(path=root))
    assert look_at_vaults(settings) == []
    root.rename(tmp_path / "elsewhere")
    (check,) = look_at_vaults(settings)
    assert check.verdict is Verdict.BAD
    assert "mount its disk" in check.found
    assert not root.exists()


def test_other_vaults_that_recordings_lie_in_are_known(store_path: Path, tmp_path: Path) -> None:
    store = Store(f"sqlite:///{store_path}")
    recorded_call(store, add_user(store))
    finish(store, safe_in(store, tmp_path), tmp_path)
    store.close()
    elsewhere = Vault(path=tmp_path / "new")
    settings = Settings(store=StoreSettings(url=f"sqlite:///{store_path}"), vault=elsewhere)
    (check,) = look_at_vaults(settings)
    assert check.verdict is Verdict.WARNING
    assert f"some lie in {tmp_path}/vault, and are played from there" in check.found
    assert check.remedy == "To move them: ari-recorder vault move"
    (tmp_path / "vault").rename(tmp_path / "elsewhere")
    (check,) = look_at_vaults(settings)
    assert check.verdict is Verdict.BAD
    assert "ari-recorder vault found ADDRESS" in check.found


def keys(path: Path, vault: Vault) -> tuple[Verdict, str]:
    settings = Settings(store=StoreSettings(url=f"sqlite:///{path}"), vault=vault)
    ((verdict, text),) = [
        (c.verdict, f"{c.found} {c.remedy}") for c in look_at_store(settings)[0] if c.name == "master key"
    ]
    return verdict, text


def test_a_master_key_that_is_not_there_is_told_and_not_made(store_path: Path, tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    vault = Vault(path=tmp_path / "vault", key_file=file)
    assert keys(store_path, vault) == (Verdict.GOOD, f"made at the first start, in {file} ")
    assert not file.exists()
    store = Store(f"sqlite:///{store_path}")
    recorded_call(store, add_user(store))
    finish(store, safe_in(store, tmp_path), tmp_path)
    store.close()
    verdict, text = keys(store_path, vault)
    assert verdict is Verdict.GOOD
    assert text.endswith("it opens what there is ")
    file.unlink()
    verdict, text = keys(store_path, vault)
    assert verdict is Verdict.BAD
    assert re.match(rf"needed and not in {re.escape(str(file))}: [0-9a-f]{{16}} Restore it", text)
    file.write_text("nonsense")
    assert keys(store_path, vault)[0] is Verdict.BAD
