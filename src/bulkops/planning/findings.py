"""What a migration comes to: rows of job files, and what they leave open."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from bulkops.providers.base import Person

Row = Mapping[str, str | list[str]]
COLUMNS = {"role_group": ("role_groups",), "team": ("teams", "groups")}
"""By which columns an invitation may carry each kind; providers differ."""
WORDS = {"role_group": "role group", "team": "team"}
CREATES = {"role_group": "create-role-group", "team": "create-team"}
GIVES = {"role_group": ("assign-role-group", "role_group"), "team": ("add-team-member", "team")}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the job files do not do, or do in a way that a person should know. `code` groups them."""

    code: str
    subject: str
    detail: str


FINDINGS: Mapping[str, str] = {
    "several_accounts": "People with several accounts of one address: invited once, with what all of them hold.",
    "disabled": "Disabled people: not migrated.",
    "external_identity": "People who sign in through an identity provider: not invited. The provider brings them.",
    "pending_invite": "Invitations that are outstanding: invited there too. What they grant cannot be read.",
    "expired_invite": "Invitations that have expired: not migrated.",
    "invited_there": "People whose invitation there is outstanding: what it grants cannot be read or changed.",
    "ambiguous_there": "Addresses that several accounts have there: nothing is assigned to them.",
    "disabled_there": "People whose account there is disabled: nothing is assigned to them.",
    "left_behind": "People whom the mapping leaves behind.",
    "no_address": "Accounts without an e-mail address: not migrated.",
    "missing_there": "Role groups and teams that are missing there: their memberships are not migrated.",
    "ambiguous_group": "Names that several role groups or teams have there: their memberships are not migrated.",
    "fixed_there": "Role groups and teams whose people cannot be changed there: their memberships are not migrated.",
    "become_one": "Role groups and teams that become one there with others of the same name.",
    "only_there": "Role groups and teams that are only there.",
    "group_left_behind": "Role groups and teams that the mapping leaves behind.",
    "unknown_mapping": "Names, addresses and domains of the mapping that nothing here has.",
    "no_counterpart": "What the other provider has no counterpart for.",
    "after_acceptance": "What an invitation there cannot carry: the files of `after-acceptance` give it later.",
    "level_unknown": "Maintainers here, of whom the other organisation does not tell whether they maintain it there.",
    "external_member": "Memberships that come from an identity provider's groups: not migrated.",
    "unknown_app": "Apps of the allowlist that are not known there: they are not added.",
    "unchecked_apps": "Apps for the allowlist of which nobody can say whether they are known there.",
    "narrower_there": "Apps that may use all of their scopes here, and only some there: not changed.",
    "administrators": "People who are made administrators of the organisation.",
}


@dataclass(slots=True)
class Migration:
    """Rows by what they are for, and findings.

    `creates` are the stages that make what is missing, in their order; `offboarding` are the people whom the
    organisation that they leave may let go, since they have arrived; `waiting` are those who have not yet. `arrived`
    says for how many addresses nothing is left to do, of `wanted`.
    """

    creates: list[tuple[str, list[Row]]] = field(default_factory=list)
    invites: list[Row] = field(default_factory=list)
    assignments: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    later: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    allowlist: list[Row] = field(default_factory=list)
    offboarding: list[tuple[Person, str]] = field(default_factory=list)
    waiting: list[tuple[Person, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    arrived: set[str] = field(default_factory=set)
    wanted: set[str] = field(default_factory=set)

    def find(self, code: str, subject: str, detail: str = "") -> None:
        """Keep a finding."""
        self.findings.append(Finding(code, subject, detail))

    def counts(self) -> Mapping[str, int]:
        """How many findings of each kind."""
        return Counter(one.code for one in self.findings)
