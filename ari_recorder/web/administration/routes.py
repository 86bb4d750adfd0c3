"""Every address of administration; those of prompts and of the audit log are in `web.routes`."""

from __future__ import annotations

from ari_recorder.policies.rights import Right
from ari_recorder.web.administration import (
    groups,
    import_pages,
    keeping,
    leaving,
    membership,
    organisation,
    overview,
    user,
    users,
)
from ari_recorder.web.routing import Route, page

_USER, _GROUP = "/users/{id}", "/groups/{id}"
_OWN, _IMPORT = organisation.ADDRESS, import_pages.ADDRESS

ADMINISTRATION: tuple[Route, ...] = (
    page("GET", "/administration", overview.show, "administration", Right.USERS_READ, overview.TAKES),
    page("GET", "/users", users.show, "users", Right.USERS_READ, users.TAKES),
    page("GET", users.ADD, users.add_form, "user-add", Right.USERS_WRITE, users.ADD_TAKES),
    page("POST", users.ADD, users.add, "user-add", Right.USERS_WRITE),
    page("GET", _IMPORT, import_pages.show, "users-files", Right.USERS_WRITE, import_pages.TAKES),
    page("POST", _IMPORT, import_pages.receive, "users-upload", Right.USERS_WRITE),
    page("GET", _IMPORT + "/{file}", import_pages.show_file, "users-file", Right.USERS_WRITE),
    page("POST", _IMPORT + "/{file}", import_pages.do, "users-file", Right.USERS_WRITE),
    page("POST", _IMPORT + "/{file}/forget", import_pages.forget, "users-file-forget", Right.USERS_WRITE),
    page("GET", _USER, user.show, "user", Right.USERS_READ, user.TAKES),
    page("POST", _USER + "/who", user.change_who, "user-who", Right.USERS_WRITE),
    page("POST", _USER + "/recording", user.change_recording, "user-recording", Right.USERS_WRITE),
    page("POST", _USER + "/acknowledgement", user.acknowledge, "user-told", Right.USERS_WRITE),
    page("POST", _USER + "/sign-in", user.change_sign_in, "user-signin", Right.USERS_WRITE),
    page("POST", _USER + "/calls", user.change_calls, "user-calls", Right.USERS_WRITE),
    page("POST", _USER + "/groups", user.join, "user-groups", Right.GROUPS_WRITE),
    page("GET", _USER + "/remove", leaving.confirm, "user-remove", Right.USERS_WRITE),
    page("POST", _USER + "/remove", leaving.remove, "user-remove", Right.USERS_WRITE),
    page("GET", "/groups", groups.show, "groups", Right.GROUPS_WRITE, groups.TAKES),
    page("POST", "/groups", groups.add, "groups", Right.GROUPS_WRITE),
    page("GET", _GROUP, groups.show_one, "group", Right.GROUPS_WRITE, groups.GROUP_TAKES),
    page("POST", _GROUP + "/name", groups.rename, "group-name", Right.GROUPS_WRITE),
    page("POST", _GROUP + "/members", membership.add_members, "group-members", Right.GROUPS_WRITE),
    page("POST", _GROUP + "/members/remove", membership.remove_members, "group-out", Right.GROUPS_WRITE),
    page("POST", _GROUP + "/supervisors", membership.set_supervisor, "group-over", Right.GROUPS_WRITE),
    page(
        "POST",
        _GROUP + "/supervisors/remove",
        membership.remove_supervisor,
        "group-over-end",
        Right.GROUPS_WRITE,
    ),
    page("GET", _GROUP + "/remove", groups.confirm_removal, "group-remove", Right.GROUPS_WRITE),
    page("POST", _GROUP + "/remove", groups.remove, "group-remove", Right.GROUPS_WRITE),
    page(
        "GET",
        _OWN,
        organisation.show,
        "organisation",
        Right.ORGANISATION_READ,
        organisation.TAKES,
    ),
    page(
        "POST",
        _OWN + "/place",
        organisation.change_place,
        "organisation-place",
        Right.ORGANISATION_WRITE,
    ),
    page(
        "POST",
        _OWN + "/calls",
        organisation.change_calls,
        "organisation-calls",
        Right.ORGANISATION_WRITE,
    ),
    page(
        "POST",
        _OWN + "/retention",
        keeping.change,
        "organisation-retention",
        Right.ORGANISATION_WRITE,
    ),
    page("POST", _GROUP + "/retention", keeping.change_group, "group-retention", Right.GROUPS_WRITE),
    page(
        "POST",
        _OWN + "/leavers",
        organisation.change_leavers,
        "organisation-leavers",
        Right.ORGANISATION_WRITE,
    ),
    page(
        "POST",
        _OWN + "/second-factor",
        organisation.change_second_factor,
        "organisation-factor",
        Right.ORGANISATION_WRITE,
    ),
)
"""Pages of the administration."""
