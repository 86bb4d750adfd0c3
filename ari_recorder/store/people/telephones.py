"""The telephones of users: each is one user's, and who gives it may give it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from ari_recorder.errors import Conflict
from ari_recorder.policies.telephones import check_given
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.fitting import fit
from ari_recorder.store.models import Endpoint, Organisation

FIELD = "endpoints"


def give(
    user: Any, endpoints: Collection[tuple[str, str]], had: Collection[tuple[str, str]], actor: Actor
) -> None:
    """These are the user's telephones now, in place of those that they ``had``.

    Raises `Invalid` for one that ``actor`` may not give, and only then `Conflict` for one that is taken: of
    others' telephones an administrator does not learn whether somebody has them.
    """
    _check(user.organisation, endpoints, had, actor)
    Endpoint.delete().where(Endpoint.user == user).execute()
    for pbx, name in endpoints:
        taken = Endpoint.get_or_none((Endpoint.pbx == pbx) & (Endpoint.name == name))
        if taken is not None:
            raise _taken(taken, user.organisation_id)
        Endpoint.create(user=user, pbx=pbx, name=name)


def _check(
    of: Any, endpoints: Collection[tuple[str, str]], had: Collection[tuple[str, str]], actor: Actor
) -> None:
    """The command line gives any: who runs it reads the recordings anyway."""
    if actor.kind is not ActorKind.COMMAND_LINE:
        with fit():
            check_given(FIELD, endpoints, had, of.endpoints.split(), alone=Organisation.select().count() == 1)


def _taken(endpoint: Any, organisation: UUID) -> Conflict:
    """Whose it is, unless they are of another organisation."""
    where = {"name": endpoint.name, "pbx": endpoint.pbx}
    if endpoint.user.organisation_id != organisation:
        return Conflict(FIELD, "Endpoint %(name)s on %(pbx)s is in use elsewhere already.", **where)
    whose = f"{endpoint.user.name} ({endpoint.user.number or endpoint.user.login})"
    return Conflict(FIELD, "Endpoint %(name)s on %(pbx)s belongs to %(whose)s already.", **where, whose=whose)
