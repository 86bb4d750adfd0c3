"""The client, the resources and the events against Asterisk's own Swagger documents."""

from __future__ import annotations

import re
import types
from datetime import datetime
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from ari_recorder.ari import EVENT_TYPES, events, resources
from ari_recorder.ari._operations import OPERATIONS
from ari_recorder.ari.client import Direction

DOCUMENTS = (
    "asterisk",
    "channels",
    "recordings",
    "applications",
    "endpoints",
    "playbacks",
    "events",
    "bridges",
)
RESOURCES = [
    kind
    for kind in vars(resources).values()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct
]
PLAIN = {"string": str, "int": int, "long": int, "double": float, "boolean": bool, "Date": datetime}
ALWAYS_SENT = {
    "snoop": {"app", "appArgs", "spy", "whisper"},
    "variable": {"variable"},
    "set_variable": {"variable"},
    "unset_variable": {"variable"},
    "channel_variable": {"variable"},
    "set_channel_variable": {"variable"},
    "create_channel": {"endpoint", "app"},
    "add_to_bridge": {"channel"},
    "play": {"media"},
    "subscribe": {"eventSource"},
    "unsubscribe": {"eventSource"},
    "record": OPERATIONS["record"].query,
}


def names(path: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", path))


def models(swagger: dict[str, Any]) -> dict[str, Any]:
    return {name: model for document in DOCUMENTS for name, model in swagger[document]["models"].items()}


def operation(swagger: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    for document in DOCUMENTS:
        for api in swagger[document]["apis"]:
            if api["path"] == path:
                return next(each for each in api["operations"] if each["httpMethod"] == method)
    raise AssertionError(f"Asterisk has no {path}")


def parameters(swagger: dict[str, Any], name: str, place: str) -> dict[str, dict[str, Any]]:
    asked = operation(swagger, OPERATIONS[name].method, OPERATIONS[name].path)
    return {each["name"]: each for each in asked.get("parameters", []) if each["paramType"] == place}


def properties(swagger: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """A model's properties and those of the models it is a sub-type of."""
    every = models(swagger)
    parents = [parent for parent, model in every.items() if name in model.get("subTypes", [])]
    inherited = {key: value for parent in parents for key, value in properties(swagger, parent).items()}
    return inherited | every[name]["properties"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_and_parameter_exists(swagger, name):
    used = OPERATIONS[name]
    known = parameters(swagger, name, "query")
    assert used.query <= known.keys()
    assert names(used.path) == parameters(swagger, name, "path").keys()
    assert used.body <= bool(parameters(swagger, name, "body"))


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_required_parameter_is_always_sent(swagger, name):
    required = {key for key, each in parameters(swagger, name, "query").items() if each.get("required")}
    assert required <= ALWAYS_SENT.get(name, set())


@pytest.mark.parametrize("name", OPERATIONS)
def test_several_values_only_where_several_are_allowed(swagger, name):
    allowed = {key for key, each in parameters(swagger, name, "query").items() if each.get("allowMultiple")}
    several = {"media", "eventSource"} | ({"channel"} if name == "add_to_bridge" else set())
    assert several & OPERATIONS[name].query <= allowed


def test_enumerated_values(swagger):
    for parameter in ("spy", "whisper"):
        values = parameters(swagger, "snoop", "query")[parameter]["allowableValues"]["values"]
        assert set(get_args(Direction)) == set(values)
    record = parameters(swagger, "record", "query")
    assert "fail" in record["ifExists"]["allowableValues"]["values"]
    assert "none" in record["terminateOn"]["allowableValues"]["values"]
    states = properties(swagger, "LiveRecording")["state"]["allowableValues"]["values"]
    assert set(states) == resources.RECORDING_STATES


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_event_and_its_fields_exist(swagger, name):
    assert name in models(swagger)["Event"]["subTypes"]
    check_fields(getattr(events, name), properties(swagger, name))


@pytest.mark.parametrize("kind", RESOURCES, ids=lambda kind: kind.__name__)
def test_every_resource_and_its_fields_exist(swagger, kind):
    if kind is resources.EventType:
        assert set(kind.__struct_fields__) == {"type"}, "an event filter's lines are objects with a type"
        return
    check_fields(kind, properties(swagger, kind.__name__), whole=kind is resources.AsteriskInfo)


def test_all_of_asterisks_info_is_asked_for():
    """Its parts are optional in the documents because ``only`` can ask for some of them."""
    assert "only" not in OPERATIONS["info"].query


@pytest.mark.parametrize("kind", [*RESOURCES, *get_args(events.Event)], ids=lambda kind: kind.__name__)
def test_every_resource_and_event_is_frozen_and_tolerant(kind):
    assert kind.__struct_config__.frozen
    assert not kind.__struct_config__.forbid_unknown_fields


AS_WRITTEN = {(resources.AsteriskPing, "timestamp"): "Date"}
"""What the documents call a string, and Asterisk writes as all its times."""


def check_fields(kind: type[msgspec.Struct], known: dict[str, dict[str, Any]], whole: bool = False) -> None:
    """``whole``: every field comes, although the documents call it optional."""
    hints = get_type_hints(kind)
    for field in msgspec.structs.fields(kind):
        assert field.encode_name in known, f"Asterisk's {kind.__name__} has no {field.name}"
        promised = known[field.encode_name]
        comes = whole or promised.get("required")
        assert comes or not field.required, f"{kind.__name__}.{field.name} may be missing"
        written = AS_WRITTEN.get((kind, field.name), promised["type"])
        assert fits(hints[field.name], written), f"{kind.__name__}.{field.name}: {promised['type']}"


def fits(declared: Any, promised: str) -> bool:
    if get_origin(declared) in (Union, types.UnionType):
        (declared,) = [each for each in get_args(declared) if each is not type(None)]
    if inner := re.fullmatch(r"List\[(\w+)\]", promised):
        return get_origin(declared) is list and fits(get_args(declared)[0], inner[1])
    if promised == "object":
        return get_origin(declared) is dict or declared is resources.EventType
    return declared is PLAIN.get(promised, getattr(resources, promised, None))
