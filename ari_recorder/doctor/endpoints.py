"""Whether Asterisk has the recorded users' telephones, and their audio and digits pass through it."""

from __future__ import annotations

import asyncio

from ari_recorder.ari import Ari
from ari_recorder.doctor.inquiry import Inquiry
from ari_recorder.doctor.report import Check, bad, good, warning
from ari_recorder.errors import AriError, AriNotFound
from ari_recorder.policies.text import listed

NATIVE = "bridge_native_rtp.so"
"""The module by which Asterisk passes the audio of two telephones on without looking at it."""
NO_DTMF_IN_AUDIO = ("info", "auto_info", "none")
"""With these ``dtmf_mode`` Asterisk need not look at the audio for a feature's digits, or may not need to."""


async def look_at_endpoints(where: str, names: list[str], ari: Ari, inquiry: Inquiry) -> list[Check]:
    """Every endpoint of a recorded user on this Asterisk. Raises `AriError`."""
    if not names:
        remedy = "Add some with ari-recorder user add, or take this Asterisk out of the settings."
        return [warning(where, "endpoints", "no recorded user has an endpoint here", remedy)]
    states = await _states(names, ari)
    unknown = sorted(set(names) - states.keys())
    checks = [_known(where, states)] if states else []
    if unknown:
        remedy = (
            "Correct it with ari-recorder user set NUMBER --endpoint …, or add the endpoint to pjsip.conf."
        )
        found = f"unknown to Asterisk, so not recorded: {listed(unknown)}"
        checks.append(bad(where, "endpoints", found, remedy))
    native = any(one.name == NATIVE and one.status == "Running" for one in await ari.modules())
    return checks + await _settings(where, sorted(states), inquiry, native=native)


def _known(where: str, states: dict[str, str]) -> Check:
    online = sum(state == "online" for state in states.values())
    return good(where, "endpoints", f"{len(states)} known to Asterisk, {online} of them online now")


async def _states(names: list[str], ari: Ari) -> dict[str, str]:
    """Those Asterisk has. One that it reads from a database when needed is not in its list: ask for it."""
    listing = {f"{one.technology}/{one.resource}": one.state for one in await ari.endpoints()}
    states = {name: listing[name] for name in names if name in listing}
    rest = [name for name in names if name not in listing]
    for name, state in zip(rest, await asyncio.gather(*(_state(name, ari) for name in rest)), strict=True):
        if state is not None:
            states[name] = state
    return states


async def _state(name: str, ari: Ari) -> str | None:
    technology, _, resource = name.partition("/")
    try:
        return (await ari.endpoint(technology, resource)).state
    except AriNotFound:
        return None


async def _settings(where: str, names: list[str], inquiry: Inquiry, *, native: bool) -> list[Check]:
    names = [name for name in names if name.startswith("PJSIP/")]
    try:
        found = await asyncio.gather(*(_pjsip(name, inquiry) for name in names))
    except AriError as error:
        remedy = "Ask for one: asterisk -rx 'pjsip show endpoint NAME'"
        return [warning(where, "endpoint settings", f"cannot be read: {error}", remedy)]
    told = [(name, settings) for name, settings in zip(names, found, strict=True) if settings]
    around = [name for name, settings in told if settings.get("direct_media") in ("true", "yes")]
    mute = [name for name, settings in told if settings.get("dtmf_mode") == "none"]
    checks = [_around(where, around)] if around else []
    checks += [_mute(where, mute)] if mute else []
    if told and not checks:
        checks.append(
            good(where, "endpoint settings", f"direct_media is off, DTMF on, for {len(told)} of PJSIP")
        )
    passed_on = [name for name, settings in told if native and _may_be_native(settings)]
    return checks + ([_native(where, passed_on)] if told else [])


async def _pjsip(name: str, inquiry: Inquiry) -> dict[str, str] | None:
    return await inquiry.settings("res_pjsip", "endpoint", name.partition("/")[2])


def _around(where: str, names: list[str]) -> Check:
    found = f"direct_media is on, so audio may go around Asterisk: {listed(names)}"
    remedy = (
        "Set direct_media = no (asterisk_conf/pjsip_hints.conf),"
        " then: asterisk -rx 'module reload res_pjsip.so'"
    )
    return warning(where, "endpoint settings", found, remedy)


def _mute(where: str, names: list[str]) -> Check:
    found = f"dtmf_mode is none, so no code typed on the telephone arrives: {listed(names)}"
    remedy = "Set dtmf_mode = rfc4733 or auto in pjsip.conf, then: asterisk -rx 'module reload res_pjsip.so'"
    return warning(where, "endpoint settings", found, remedy)


def _may_be_native(settings: dict[str, str]) -> bool:
    """Whether nothing of the endpoint's own has Asterisk look at the audio of its calls."""
    features = any(value for name, value in settings.items() if name.lstrip("_") == "DYNAMIC_FEATURES")
    looked_at = features and settings.get("dtmf_mode") not in NO_DTMF_IN_AUDIO
    return not looked_at and settings.get("media_encryption", "no") == "no"


def _native(where: str, names: list[str]) -> Check:
    if not names:
        return good(where, "native bridging", "no recorded user's call changes its audio's source")
    found = (
        "to take up a call in the middle changes the source of its audio, and an Asterisk packaged by Debian"
        f" or Ubuntu at the far end may play silence from then on: {listed(names)}"
    )
    remedy = (
        "Give them the feature map (asterisk_conf/pjsip_hints.conf, features_ari_recorder.conf) and"
        " dtmf_mode = rfc4733, or include asterisk_conf/modules_native_ari_recorder.conf in modules.conf."
    )
    return warning(where, "native bridging", found, remedy)
