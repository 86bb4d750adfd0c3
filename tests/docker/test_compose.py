"""compose.yaml, Dockerfile and locks agree with the program and with one another."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from ari_recorder import config
from ari_recorder.errors import SettingsError
from ari_recorder.web.server import check_encryption
from lab.compose import ARI_PASSWORD, PBX_PORTS, PHONES_PORTS, configure

PROJECT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((PROJECT / "docker/compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (PROJECT / "docker/Dockerfile").read_text(encoding="utf-8")
IMAGE_ENVIRONMENT = dict(re.findall(r"(ARI_RECORDER_\w+)=(\S+)", DOCKERFILE))


def pins(lock: str) -> dict[str, str]:
    text = (PROJECT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))


def settings(service: str) -> config.Settings:
    return config.load(None, IMAGE_ENVIRONMENT | SERVICES[service].get("environment", {}))


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_is_one(service: str) -> None:
    settings(service)


def test_the_recorder_reaches_what_is_beside_it() -> None:
    found, database = settings("recorder"), SERVICES["postgresql"]["environment"]
    user, password, name = (database[f"POSTGRES_{key}"] for key in ("USER", "PASSWORD", "DB"))
    assert found.store.url == f"postgresql://{user}:{password}@postgresql/{name}"
    assert settings("people").store.url == found.store.url
    assert found.pbx["main"].password == ARI_PASSWORD
    assert found.pbx["main"].url == f"http://127.0.0.1:{PBX_PORTS.http}"
    assert ARI_PASSWORD in (PROJECT / "asterisk_conf/ari.conf").read_text(encoding="utf-8")
    assert SERVICES["recorder"]["network_mode"] == SERVICES["phones"]["network_mode"] == "service:asterisk"


def test_what_is_published_is_where_it_is_served() -> None:
    (first, last), port = PBX_PORTS.rtp, settings("recorder").web.port
    assert [entry.partition("}:")[2] or entry for entry in SERVICES["asterisk"]["ports"]] == [
        f"{PBX_PORTS.sip}:{PBX_PORTS.sip}/udp",
        f"{first}-{last}:{first}-{last}/udp",
        f"127.0.0.1:{port}:{port}",
    ]
    assert f"EXPOSE {port}\n" in DOCKERFILE


def test_what_is_not_encrypted_stays_on_the_machine() -> None:
    with pytest.raises(SettingsError, match=r"web\.unencrypted"):
        check_encryption(config.load(None, IMAGE_ENVIRONMENT).web)
    check_encryption(settings("recorder").web)
    port = settings("recorder").web.port
    published = [entry for entry in SERVICES["asterisk"]["ports"] if entry.endswith(f":{port}")]
    assert published == [f"127.0.0.1:{port}:{port}"]


def test_every_volume_is_declared_and_kept_where_the_program_writes() -> None:
    mounts = [entry.split(":")[:2] for one in SERVICES.values() for entry in one.get("volumes", ())]
    named = {name: [there for other, there in mounts if other == name] for name, _ in mounts}
    assert set(COMPOSE["volumes"]) == {name for name in named if not name.startswith(".")}
    found = settings("recorder")
    (archive,) = named["archive"]
    assert {found.vault.path.parent, found.media.work.parent, found.web.key_file.parent} == {Path(archive)}
    assert str(found.pbx["main"].spool) in named["recordings"]
    for folder in (archive, str(found.pbx["main"].spool)):
        assert re.search(rf"^VOLUME .*{folder}\b", DOCKERFILE, re.MULTILINE)


def test_every_target_is_a_stage_and_the_recorder_is_built_without_one() -> None:
    stages = re.findall(r"^FROM .* AS (\S+)$", DOCKERFILE, re.MULTILINE)
    targets = {one["build"]["target"] for one in SERVICES.values() if "build" in one}
    assert targets == {"asterisk", "recorder"} <= set(stages)
    assert re.findall(r"^FROM (.*)$", DOCKERFILE, re.MULTILINE)[-1] == "recorder"


def test_the_demo_is_configured_for_phones_outside(tmp_path: Path) -> None:
    configure(tmp_path)
    pjsip = (tmp_path / "pbx/etc/pjsip.conf").read_text()
    assert f'bind = 0.0.0.0:{PBX_PORTS.sip}\n#include "nat.conf"\n' in pjsip
    assert "bindaddr = 127.0.0.1" in (tmp_path / "pbx/etc/recorder/http.conf").read_text()
    assert f"bindport = {PHONES_PORTS.http}" in (tmp_path / "phones/etc/http.conf").read_text()
    assert "AUTO_ANSWER_106 = " in (tmp_path / "phones/etc/extensions.conf").read_text()
    assert len(list((tmp_path / "phones/spool/outgoing").glob("*.call"))) == 6


def test_the_image_has_what_the_tests_have_but_no_tools() -> None:
    everything, image, build = (
        pins(lock) for lock in ("requirements.lock", "docker/requirements.lock", "docker/build.lock")
    )
    assert image.items() | build.items() <= everything.items()
    assert "psycopg-binary" in image
    assert not {"pytest", "mypy", "hatchling", "playwright"} & set(image)
    wanted = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "dependencies"
    ]
    assert {re.split(r"[>=<\[]", one)[0] for one in wanted} <= set(image)
