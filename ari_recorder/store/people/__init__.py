"""Organisations, their users and groups: who is recorded, who signs in, who supervises whom.

Every change says who makes it (`audit.Actor`) and when, is narrowed to one organisation, and is written to
that organisation's audit log in the same transaction. Passwords are never in it.
"""

from ari_recorder.store.people.activations import (
    Acknowledgement,
    ActivationRow,
    activations_of,
    running,
)
from ari_recorder.store.people.belonging import (
    Belonging,
    groups_of,
    last_changed_by,
    may_supervise,
    supervised_by,
)
from ari_recorder.store.people.calling import (
    Directory,
    RecordedEndpoint,
    directory,
    tapped,
)
from ari_recorder.store.people.changes import (
    CHANGEABLE,
    add_user,
    change_user,
    change_user_preferences,
)
from ari_recorder.store.people.exchange import (
    COLUMNS,
    ImportReport,
    Outcome,
    RowReport,
    exported,
)
from ari_recorder.store.people.groups import (
    GroupDetail,
    GroupRow,
    add_group,
    add_members,
    find_group,
    found_group,
    group,
    group_names,
    groups_page,
    list_groups,
    remove_group,
    remove_member,
    remove_members,
    remove_supervisor,
    rename_group,
    set_group_retention,
    set_supervisor,
)
from ari_recorder.store.people.importing import (
    Importing,
    LastImport,
    last_import,
)
from ari_recorder.store.people.leaving import (
    Removal,
    check_removable,
    removal,
    remove_user,
)
from ari_recorder.store.people.organisations import (
    DEFAULT_ORGANISATION,
    Counts,
    OrganisationRow,
    add_organisation,
    change_organisation,
    change_organisation_preferences,
    counts,
    default_organisation,
    list_organisations,
    organisation,
    organisation_named,
    organisation_preferences,
    organisations_page,
    terms_of,
)
from ari_recorder.store.people.overview import (
    Overview,
    overview,
)
from ari_recorder.store.people.revisions import (
    changed,
    revision,
)
from ari_recorder.store.people.rows import (
    UserRow,
    user_by_id,
)
from ari_recorder.store.people.users import (
    count_users,
    find_user,
    list_users,
    owners,
    user,
    user_preferences,
    users_page,
)
from ari_recorder.store.people.which import Which

__all__ = [
    "CHANGEABLE",
    "COLUMNS",
    "DEFAULT_ORGANISATION",
    "Acknowledgement",
    "ActivationRow",
    "Belonging",
    "Counts",
    "Directory",
    "GroupDetail",
    "GroupRow",
    "ImportReport",
    "Importing",
    "LastImport",
    "OrganisationRow",
    "Outcome",
    "Overview",
    "RecordedEndpoint",
    "Removal",
    "RowReport",
    "UserRow",
    "Which",
    "activations_of",
    "add_group",
    "add_members",
    "add_organisation",
    "add_user",
    "change_organisation",
    "change_organisation_preferences",
    "change_user",
    "change_user_preferences",
    "changed",
    "check_removable",
    "count_users",
    "counts",
    "default_organisation",
    "directory",
    "exported",
    "find_group",
    "find_user",
    "found_group",
    "group",
    "group_names",
    "groups_of",
    "groups_page",
    "last_changed_by",
    "last_import",
    "list_groups",
    "list_organisations",
    "list_users",
    "may_supervise",
    "organisation",
    "organisation_named",
    "organisation_preferences",
    "organisations_page",
    "overview",
    "owners",
    "removal",
    "remove_group",
    "remove_member",
    "remove_members",
    "remove_supervisor",
    "remove_user",
    "rename_group",
    "revision",
    "running",
    "set_group_retention",
    "set_supervisor",
    "supervised_by",
    "tapped",
    "terms_of",
    "user",
    "user_by_id",
    "user_preferences",
    "users_page",
]
