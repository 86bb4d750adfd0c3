"""Whether Asterisk has the recorded users' telephones, and their audio and digits pass through it."""

from __future__ import annotations

import asyncio

from ari_recorder.ari import Ari
from ari_recorder.doctor.inquiry import Inquiry
from ari_recorder.doctor.report import Check, bad, good, listed, warning
from ari_recorder.errors import AriError, AriNotFound


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
    return checks + await _settings(where, sorted(states), inquiry)


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


async def _settings(where: str, names: list[str], inquiry: Inquiry) -> list[Check]:
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
    return checks


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
