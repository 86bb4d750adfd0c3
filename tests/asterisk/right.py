"""Settings that are right for the lab, for tests to spoil."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from ari_recorder.config import Media, Pbx, Settings, Vault, Web
from ari_recorder.config import Store as StoreSettings
from ari_recorder.policies.table import Mode
from ari_recorder.store.database import Store
from lab import Lab
from lab.directory import add_user


def settings_for(running_lab: Lab, tmp_path: Path) -> Settings:
    """Settings that are right for the lab, with one recorded user."""
    pbx = running_lab.pbx
    found = Settings(
        pbx={
            "main": Pbx(url=pbx.http_url, username=pbx.ari_user, password=pbx.ari_password, spool=pbx.spool)
        },
        store=StoreSettings(url=f"sqlite:///{tmp_path}/catalogue.db"),
        vault=Vault(path=tmp_path / "vault", key_file=tmp_path / "master.key"),
        media=Media(work=tmp_path / "work"),
        web=Web(port=0, key_file=tmp_path / "session.key"),
    )
    add_users(found.store.url, "PJSIP/101")
    return found


def add_users(url: str, *endpoints: str) -> None:
    store = Store(url)
    try:
        for name in endpoints:
            number = name.rpartition("/")[2]
            store.write_now(
                add_user, name=number, number=number, mode=Mode.ALWAYS, endpoints=[("main", name)]
            )
    finally:
        store.close()


def with_pbx(settings: Settings, **changes: Any) -> Settings:
    return msgspec.structs.replace(
        settings, pbx={"main": msgspec.structs.replace(settings.pbx["main"], **changes)}
    )
