"""Settings: where they come from, what is refused, and that their reference is complete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from ari_recorder.config import Settings, load
from ari_recorder.errors import SettingsError

REFERENCE = Path(__file__).parents[1] / "docs" / "reference" / "settings.md"
ROW = re.compile(r"^\| `([a-z0-9_.N-]+|pbx\.NAME\.\w+)` \| (.+?) \| (.+?) \| `(\w+)` \| `(.+?)` \| (.+) \|$")


def settings_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "ari_recorder.toml"
    path.write_text(text)
    return path


def refused(tmp_path: Path, text: str = "", environ: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as error:
        load(settings_file(tmp_path, text), environ or {})
    return str(error.value)


def test_defaults_hold_without_file_and_environment() -> None:
    assert load(None, {}) == Settings(pbx={"main": msgspec.convert({}, _field_type("pbx"))})


def test_the_file_wins_over_defaults_and_the_environment_over_the_file(tmp_path: Path) -> None:
    path = settings_file(tmp_path, "[web]\nport = 1\nhost = '::1'\n[log]\nlevel = 'debug'\n")
    settings = load(path, {"ARI_RECORDER_WEB__PORT": "2"})
    assert (settings.web.port, settings.web.host, settings.log.level) == (2, "::1", "debug")
    assert settings.log.format == "text"


def test_the_file_may_be_named_by_the_environment_but_who_calls_decides(tmp_path: Path) -> None:
    named = tmp_path / "named.toml"
    named.write_text("app = 'named'")
    environ = {"ARI_RECORDER_CONFIG": str(named)}
    assert load(None, environ).app == "named"
    assert load(settings_file(tmp_path, "app = 'given'"), environ).app == "given"


def test_every_asterisk_has_its_own_settings(tmp_path: Path) -> None:
    path = settings_file(tmp_path, "[pbx.one]\nurl = 'http://one'\n[pbx.two]\nspool = '/two'\n")
    settings = load(
        path, {"ARI_RECORDER_PBX__ONE__PASSWORD": "Se__cret", "ARI_RECORDER_PBX__THREE__URL": "https://x/y"}
    )
    assert {name: pbx.url for name, pbx in settings.pbx.items()} == {
        "one": "http://one",
        "two": "http://127.0.0.1:8088",
        "three": "https://x/y",
    }
    assert settings.pbx["one"].password == "Se__cret"
    assert settings.pbx["two"].spool == Path("/two")


def test_other_variables_are_not_ours() -> None:
    load(None, {"PATH": "x", "ARI_RECORDER": "x", "ari_recorder_web__port": "x"})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("nonsense = 1", "nonsense"),
        ("[web]\nprot = 1", "prot"),
        ("[pbx.main]\nspol = '/x'", "spol"),
        ("[webb]\nport = 1", "webb"),
    ],
)
def test_an_unknown_key_in_the_file_is_named(tmp_path: Path, text: str, named: str) -> None:
    message = refused(tmp_path, text, {"ARI_RECORDER_WEB__PORT": "1"})
    assert f"`{named}`" in message
    assert "ari_recorder.toml" in message


@pytest.mark.parametrize(
    "variable", ["ARI_RECORDER_NONSENSE", "ARI_RECORDER_WEB__PROT", "ARI_RECORDER_PBX__MAIN__SPOL"]
)
def test_an_unknown_key_in_the_environment_is_named(tmp_path: Path, variable: str) -> None:
    message = refused(tmp_path, "[web]\nport = 1", {variable: "1"})
    assert f"`{variable.rpartition('_')[2].lower()}`" in message
    assert "environment" in message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("WEB__PORT", "eighty"),
        ("WEB__PORT", "65536"),
        ("WEB__PORT", "-1"),
        ("WEB__PORT", ""),
        ("WEB__SESSION_HOURS", "0"),
        ("MEDIA__SEGMENT_MAX_S", "nan"),
        ("MEDIA__SEGMENT_MAX_S", "inf"),
        ("MEDIA__WORKERS", "1.5"),
        ("MEDIA__FORMAT", "mp3"),
        ("LOG__LEVEL", "loud"),
        ("VAULT__PATH", ""),
        ("PBX__MAIN__TIMEOUT_S", "soon"),
        ("PBX__MAIN__CONNECTIONS", "0"),
    ],
)
def test_a_value_of_another_type_or_out_of_range_is_named(tmp_path: Path, key: str, value: str) -> None:
    assert f".{key.rpartition('__')[2].lower()}: " in refused(tmp_path, "", {f"ARI_RECORDER_{key}": value})


def test_a_table_where_a_value_belongs_is_refused_and_the_other_way_round(tmp_path: Path) -> None:
    assert "web: expected a table, got a whole number." in refused(
        tmp_path, "web = 3", {"ARI_RECORDER_WEB__PORT": "1"}
    )
    assert "app: expected text, got a table." in refused(tmp_path, "", {"ARI_RECORDER_APP__NAME": "x"})
    assert "vault.path: expected the path" in refused(tmp_path, "[vault]\npath = 3")
    parts = {"ARI_RECORDER_WEB": "x", "ARI_RECORDER_WEB__PORT": "1"}
    for environ in (parts, dict(reversed(parts.items()))):
        assert "another variable" in refused(tmp_path, "", environ)


@pytest.mark.parametrize("name", ["Main", "a b", "x" * 33, ""])
def test_the_name_of_an_asterisk_is_plain(tmp_path: Path, name: str) -> None:
    assert "pbx: expected a name of 1–32 of a-z" in refused(tmp_path, f'[pbx."{name}"]\n')


def test_an_asterisk_without_a_name_is_told_in_the_reference_s_words(tmp_path: Path) -> None:
    assert "pbx.NAME: expected a table, got text." in refused(tmp_path, "[pbx]\nurl = 'http://x'\n")


@pytest.mark.parametrize(
    "url",
    ["10.0.0.5:8088", "10.0.0.5", "", "ws://x", "http://", "http://x/ari", "http://x/pbx/ari/", "http://x?a"],
)
def test_an_address_of_asterisk_that_cannot_be(tmp_path: Path, url: str) -> None:
    told = refused(tmp_path, f"[pbx.main]\nurl = '{url}'\n")
    assert "pbx.NAME.url: expected an address such as http://10.0.0.5:8088, without /ari." in told


def test_an_address_of_the_pages_has_its_beginning(tmp_path: Path) -> None:
    told = refused(tmp_path, "[webhooks]\npages_url = 'recorder.example'\n")
    assert "webhooks.pages_url: expected an address that begins with http:// or https://" in told


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing\.toml cannot be read: No such file"):
        load(tmp_path / "missing.toml", {})
    with pytest.raises(SettingsError, match=r"gone\.toml cannot be read"):
        load(None, {"ARI_RECORDER_CONFIG": str(tmp_path / "gone.toml")})
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path, {})


def test_a_file_that_is_no_toml_is_named_with_the_line(tmp_path: Path) -> None:
    assert "line 2" in refused(tmp_path, "app = 'x'\nwhat is this\n")
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"binary\.toml is not valid TOML"):
        load(path, {})


def test_a_secret_in_the_settings_is_not_told_by_an_error(tmp_path: Path) -> None:
    text = "[pbx.main]\npassword = 'hunter2'\ntimeout_s = 0\n"
    assert "hunter2" not in refused(tmp_path, text)


# The reference


def _field_type(name: str) -> Any:
    (field,) = [f for f in msgspec.structs.fields(Settings) if f.name == name]
    return get_args(field.type)[1] if name == "pbx" else field.type


def keys(struct: Any = Settings, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every key with its default; an Asterisk's are under ``pbx.NAME``."""
    for field in msgspec.structs.fields(struct):
        if field.name == "pbx":
            yield from keys(_field_type("pbx"), "pbx.NAME.")
        elif isinstance(field.default, msgspec.Struct):
            yield from keys(field.type, f"{path}{field.name}.")
        else:
            yield f"{path}{field.name}", field.default


def documented() -> dict[str, tuple[str, str, str, str, str]]:
    """Every row of the reference by its key: type, default, variable, example, text."""
    lines = REFERENCE.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| `")]
    matches = [(line, ROW.match(line)) for line in rows]
    assert [line for line, match in matches if match is None] == []
    return {match[1]: match.groups()[1:] for _, match in matches if match}  # type: ignore[misc]


def test_the_reference_has_every_key_and_no_other() -> None:
    assert set(documented()) == {key for key, _ in keys()}


@pytest.mark.parametrize(("key", "default"), list(keys()))
def test_the_reference_tells_default_variable_and_an_example_that_works(key: str, default: Any) -> None:
    _, shown, variable, example, _ = documented()[key]
    assert shown == ("none" if default is None else f"`{written(default)}`" if str(default) else "empty")
    assert variable == f"ARI_RECORDER_{key.upper().replace('.', '__')}"
    value: Any = load(None, {variable: example})
    for part in key.replace("NAME", "name").split("."):
        value = value[part] if isinstance(value, dict) else getattr(value, part)
    assert value != default, "an example shows something else than the default"
    assert written(value) == example or float(value) == float(example)


def written(value: Any) -> str:
    """A value as TOML and variables have it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize(
    ("setting", "wrong"),
    [
        ("trusted_proxies", '["10.0.0.1/8"]'),
        ("trusted_proxies", '["0.0.0.0/0"]'),
        ("trusted_proxies", '["localhost"]'),
        ("trusted_proxies", "[1]"),
        ("hosts", '["https://recorder.example"]'),
        ("hosts", '["recorder.example:443"]'),
        ("hosts", "3"),
    ],
)
def test_lists_say_what_is_wrong_in_them(tmp_path: Path, setting: str, wrong: str) -> None:
    assert f"web.{setting}: " in refused(tmp_path, f"[web]\n{setting} = {wrong}\n")


def test_a_list_is_one_in_the_file_and_has_commas_in_a_variable(tmp_path: Path) -> None:
    path = settings_file(tmp_path, '[web]\nhosts = ["A.example", "b.example"]\n')
    assert load(path, {}).web.hosts == ("a.example", "b.example")
    assert load(path, {"ARI_RECORDER_WEB__HOSTS": " c.example,d.example, "}).web.hosts == (
        "c.example",
        "d.example",
    )
    assert load(path, {"ARI_RECORDER_WEB__HOSTS": ""}).web.hosts == ()


def test_the_example_file_of_the_reference_is_valid(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", REFERENCE.read_text(encoding="utf-8"), re.DOTALL)
    assert load(settings_file(tmp_path, example), {}).web.port == 8080


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("[vault]\npaht = 'x'", "vault.path"),
        ("[web]\nidel_s = 1", "web.idle_s"),
        ("[pbx.main]\nspol = 'x'", "pbx.NAME.spool"),
        ("[stroe]\nurl = 'x'", "store"),
        ("port = 8090", "web.port"),
    ],
)
def test_an_unknown_key_names_the_nearest_known_one(tmp_path: Path, text: str, meant: str) -> None:
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(SettingsError, match=rf"Did you mean {meant}\?"):
        load(tmp_path / "s.toml", {})


def test_a_variable_that_is_unknown_names_the_nearest_known_one() -> None:
    with pytest.raises(SettingsError, match=r"Did you mean web\.port\?"):
        load(None, {"ARI_RECORDER_WEB__PROT": "1"})


def test_nothing_is_guessed_where_nothing_is_near(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text("[log]\nzzzzzz = 1")
    with pytest.raises(SettingsError) as refused:
        load(tmp_path / "s.toml", {})
    assert "Did you mean" not in str(refused.value)
