"""Every address of administration; those of prompts and of the audit log are in `web.routes`."""

from __future__ import annotations

from ari_recorder.policies.rights import Right
from ari_recorder.web.administration import (
    delivery,
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
_OWN, _IMPORT, _OUT = organisation.ADDRESS, import_pages.ADDRESS, delivery.ADDRESS

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
    page("GET", _OUT, delivery.show, "delivery", Right.ORGANISATION_READ, delivery.TAKES),
    page("POST", _OUT + "/what", delivery.change_what, "delivery-what", Right.TOKENS),
    page("POST", _OUT + "/account", delivery.change_account, "delivery-account", Right.TOKENS),
    page("POST", _OUT + "/keys", delivery.add_key, "delivery-key-add", Right.TOKENS),
    page("GET", _OUT + "/keys/{id}/remove", delivery.ask_key, "delivery-key-remove", Right.TOKENS),
    page("POST", _OUT + "/keys/{id}/remove", delivery.remove_key, "delivery-key-remove", Right.TOKENS),
    page("POST", _OUT + "/target", delivery.set_target, "delivery-target", Right.TOKENS),
    page("POST", _OUT + "/target/test", delivery.test, "delivery-test", Right.TOKENS),
    page("GET", _OUT + "/target/remove", delivery.ask_target, "delivery-target-remove", Right.TOKENS),
    page("POST", _OUT + "/target/remove", delivery.remove_target, "delivery-target-remove", Right.TOKENS),
)
"""Pages of the administration."""
