"""What moving people from one organisation to another takes: job files to review, and what they leave open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from bulkops.planning.census import Census
from bulkops.planning.findings import COLUMNS, GIVES, WORDS, Migration
from bulkops.planning.mapping import NameMapping
from bulkops.planning.places import Places, places_there
from bulkops.providers.base import Person


def plan_migration(
    source: Census,
    goal: Census,
    mapping: NameMapping,
    *,
    create: bool = False,
    apps_there: frozenset[str] | None = None,
) -> Migration:
    """What is to be done in `goal` so that the people of `source` have there what they have now.

    With `create` role groups and teams that are missing there are made. `apps_there` are the client ids that `goal`
    knows, None where nobody can say. Nothing is read or sent.
    """
    migration = Migration()
    there = places_there(source, goal, mapping, create=create, migration=migration)
    _people(source, goal, mapping, there, migration)
    _invitations(source, goal, mapping, migration)
    _allowlist(source, goal, apps_there, migration)
    return migration


def _people(source: Census, goal: Census, mapping: NameMapping, places: Places, migration: Migration) -> None:
    here: dict[str, list[Person]] = defaultdict(list)
    for person in source.people:
        if not person.email:
            migration.find("no_address", person.username)
            continue
        here[person.email.casefold()].append(person)
    there: dict[str, list[Person]] = defaultdict(list)
    for person in goal.people:
        there[person.email.casefold()].append(person)
    invited = {one.email.casefold() for one in goal.invitations if one.outstanding}
    for accounts in here.values():
        _person(source, goal, mapping, places, accounts, there, invited, migration)


def _person(
    source: Census,
    goal: Census,
    mapping: NameMapping,
    places: Places,
    accounts: Sequence[Person],
    there: Mapping[str, Sequence[Person]],
    invited: set[str],
    migration: Migration,
) -> None:
    """Everybody who has one address here."""
    address, able = accounts[0].email, [one for one in accounts if one.enabled]
    wanted = mapping.address(address)
    if wanted is None:
        migration.find("left_behind", address)
        return
    if not able:
        migration.find(
            "disabled", address, f"{len(accounts):,} accounts" if len(accounts) > 1 else accounts[0].username
        )
        return
    if len(able) > 1:
        migration.find("several_accounts", address, ", ".join(one.username for one in able))
    holds = _held(source, places, able, migration)
    found = there.get(wanted.casefold(), ())
    if found or not all(one.federated for one in able):
        migration.wanted.add(wanted.casefold())
    if len(found) > 1:
        migration.find("ambiguous_there", wanted, ", ".join(one.username for one in found))
    elif found:
        _assign(goal, found[0], wanted, holds, migration)
        migration.offboarding += [(one, wanted) for one in able]
    elif all(one.federated for one in able):
        migration.find("external_identity", address, able[0].username)
    elif wanted.casefold() in invited:
        migration.find("invited_there", wanted, _told(holds))
        migration.offboarding += [(one, wanted) for one in able]
    else:
        _invite(goal, wanted, holds, mapping, migration)
        migration.offboarding += [(one, wanted) for one in able]


Holding = tuple[str, str, str]
"""Kind, name there, and kind of membership."""


def _held(source: Census, places: Places, accounts: Iterable[Person], migration: Migration) -> list[Holding]:
    """What all accounts of a person hold, each once; the greater membership counts."""
    found: dict[tuple[str, str], str] = {}
    for person in accounts:
        for kind, group, link in source.held_by(person):
            if (kind, group.id) not in places:
                continue
            if link.external:
                migration.find("external_member", person.email, f"{WORDS[kind]} {group.name}")
                continue
            key = kind, places[kind, group.id]
            found[key] = "maintainer" if "maintainer" in (found.get(key), link.level) else link.level
    return [(kind, name, level) for (kind, name), level in sorted(found.items())]


def _told(holds: Sequence[Holding]) -> str:
    return ", ".join(f"{WORDS[kind]} {name}" for kind, name, _level in holds)


def _assign(goal: Census, person: Person, address: str, holds: Sequence[Holding], migration: Migration) -> None:
    """Somebody who is there already: what they lack."""
    has = {(kind, group.name.casefold()): link.level for kind, group, link in goal.held_by(person)}
    lacking = 0
    for kind, name, level in holds:
        present = has.get((kind, name.casefold()))
        enough = present is not None and (kind != "team" or present in {level, "maintainer"})
        if enough:
            continue
        lacking += 1
        operation, column = GIVES[kind]
        row: dict[str, str | list[str]] = {"user": person.username or person.id, column: name}
        if kind == "team":
            row["membership"] = level or "member"
        migration.assignments[operation].append({**row, "_email": address})
    if not lacking:
        migration.arrived.add(address.casefold())


def _invite(goal: Census, address: str, holds: Sequence[Holding], mapping: NameMapping, migration: Migration) -> None:
    """Somebody who is not there yet. What an invitation cannot carry is given once it was accepted."""
    if "invite" not in goal.operations:
        migration.find("no_counterpart", address, f"{goal.provider} cannot invite")
        return
    row: dict[str, str | list[str]] = {"email": address, **mapping.invite}
    carried: dict[str, list[str]] = defaultdict(list)
    for kind, name, level in holds:
        column = next((one for one in COLUMNS[kind] if one in goal.invite_columns), None)
        if column is not None:
            carried[column].append(name)
        if column is None or (kind == "team" and level == "maintainer"):
            operation, key = GIVES[kind]
            later: dict[str, str | list[str]] = {"user": address, key: name}
            migration.later[operation].append({**later, "membership": level} if kind == "team" else later)
            migration.find("after_acceptance", address, f"{level or 'member'} of {WORDS[kind]} {name}")
        if kind == "role_group" and "administrator" in name.casefold():
            migration.find("administrators", address, name)
    migration.invites.append({**row, **carried})


def _invitations(source: Census, goal: Census, mapping: NameMapping, migration: Migration) -> None:
    """Who was invited here and has not come yet."""
    known = {one.email.casefold() for one in source.people} | {one.email.casefold() for one in goal.people}
    known |= {one.email.casefold() for one in goal.invitations if one.outstanding}
    done: set[str] = set()
    for invitation in source.invitations:
        address = mapping.address(invitation.email)
        if invitation.closed or address is None or address.casefold() in known | done:
            continue
        if not invitation.outstanding:
            migration.find("expired_invite", invitation.email)
            continue
        done.add(address.casefold())
        migration.find("pending_invite", invitation.email)
        migration.invites.append({"email": address, **mapping.invite})


def _allowlist(source: Census, goal: Census, apps_there: frozenset[str] | None, migration: Migration) -> None:
    if not source.allowlist:
        return
    if goal.allowlist is None:
        migration.find("no_counterpart", "allowlist", f"{goal.provider} has none: {len(source.allowlist):,} entries")
        return
    there = {entry.key: set(entry.detail) for entry in goal.allowlist}
    for entry in source.allowlist:
        if entry.key in there and (not there[entry.key] or set(entry.detail) <= there[entry.key]):
            continue
        if apps_there is not None and entry.key not in apps_there:
            migration.find("unknown_app", entry.key)
            continue
        migration.allowlist.append({"client_id": entry.key, "scopes": list(entry.detail)})
