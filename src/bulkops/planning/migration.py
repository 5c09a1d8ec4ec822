"""What moving people from one organisation to another takes: job files to review, and what they leave open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from bulkops.planning.census import Census
from bulkops.planning.findings import COLUMNS, GIVES, WORDS, Migration
from bulkops.planning.mapping import NameMapping
from bulkops.planning.places import Places, places_there
from bulkops.providers.base import Link, Person


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
    addresses = {one.email for one in source.people} | {one.email for one in source.invitations}
    for name in mapping.unused_addresses(addresses):
        migration.find("unknown_mapping", name, "address or domain")
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
        wanted = mapping.address(person.email)
        if wanted is None:
            migration.find("left_behind", person.email)
            continue
        here[wanted.casefold()].append(person)
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
    """Everybody here who has one address there: the mapping may give several people one."""
    able = [one for one in accounts if one.enabled]
    address = (able or accounts)[0].email
    wanted = mapping.address(address) or address
    if not able:
        migration.find(
            "disabled", address, f"{len(accounts):,} accounts" if len(accounts) > 1 else accounts[0].username
        )
        return
    if len(able) > 1:
        migration.find("several_accounts", address, ", ".join(one.username for one in able))
    holds, lost = _held(source, goal, mapping, places, able, migration)
    found = there.get(wanted.casefold(), ())
    if found or not all(one.federated for one in able):
        migration.wanted.add(wanted.casefold())
    if len(found) > 1:
        migration.find("ambiguous_there", wanted, ", ".join(one.username for one in found))
    elif found and not found[0].enabled:
        migration.find("disabled_there", wanted, found[0].username)
    elif found:
        here_whole = _assign(goal, found[0], wanted, holds, migration) and not lost
        if here_whole:
            migration.arrived.add(wanted.casefold())
        _leave(able, wanted, migration, arrived=here_whole)
    elif all(one.federated for one in able):
        migration.find("external_identity", address, able[0].username)
    elif wanted.casefold() in invited:
        migration.find("invited_there", wanted, _told(holds))
        _leave(able, wanted, migration, arrived=False)
    else:
        _invite(goal, wanted, holds, mapping, migration)
        _leave(able, wanted, migration, arrived=False)


def _leave(accounts: Sequence[Person], address: str, migration: Migration, *, arrived: bool) -> None:
    """Only who has arrived may be let go; the others are told of, and wait."""
    (migration.offboarding if arrived else migration.waiting).extend((one, address) for one in accounts)


Holding = tuple[str, str, str]
"""Kind, name there, and kind of membership."""


def _held(
    source: Census,
    goal: Census,
    mapping: NameMapping,
    places: Places,
    accounts: Iterable[Person],
    migration: Migration,
) -> tuple[list[Holding], bool]:
    """What all accounts of a person hold, each once; the greater membership counts.

    Also whether they hold something that should have a place there, and has none.
    """
    found: dict[tuple[str, str], str] = {}
    lost = False
    for person in accounts:
        for kind, group, link in source.held_by(person):
            if (kind, group.id) not in places:
                wanted = kind in goal.groups and mapping.group(kind, group.name) is not None
                lost = lost or (wanted and not link.external)
                continue
            if link.external:
                migration.find("external_member", person.email, f"{WORDS[kind]} {group.name}")
                continue
            key = kind, places[kind, group.id]
            found[key] = "maintainer" if "maintainer" in (found.get(key), link.level) else link.level
    return [(kind, name, level) for (kind, name), level in sorted(found.items())], lost


def _told(holds: Sequence[Holding]) -> str:
    return ", ".join(f"{WORDS[kind]} {name}" for kind, name, _level in holds)


def _assign(goal: Census, person: Person, address: str, holds: Sequence[Holding], migration: Migration) -> bool:
    """Somebody who is there already: what they lack. Whether that is nothing."""
    has = {(kind, group.name.casefold()): link.level for kind, group, link in goal.held_by(person)}
    lacking = 0
    for kind, name, level in holds:
        present = has.get((kind, name.casefold()))
        if present is not None and (level != "maintainer" or present in {"", "maintainer"}):
            if level == "maintainer" and not present:
                migration.find("level_unknown", address, f"{WORDS[kind]} {name}")
            continue
        lacking += 1
        operation, column = GIVES[kind]
        if _is_administration(kind, name):
            migration.find("administrators", address, name)
        row: dict[str, str | list[str]] = {"user": person.username or person.id, column: name}
        if kind == "team":
            row["membership"] = level or "member"
        migration.assignments[operation].append({**row, "_email": address})
    return not lacking


def _is_administration(kind: str, name: str) -> bool:
    return kind == "role_group" and "administrator" in name.casefold()


def _invite(goal: Census, address: str, holds: Sequence[Holding], mapping: NameMapping, migration: Migration) -> None:
    """Somebody who is not there yet. What an invitation cannot carry is given once it was accepted."""
    if "invite" not in goal.operations:
        migration.find("no_counterpart", address, f"{goal.provider} cannot invite")
        return
    row = _invitation(address, mapping)
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
        if _is_administration(kind, name):
            migration.find("administrators", address, name)
    for column, names in carried.items():
        always = [one.strip() for one in mapping.invite.get(column, "").split(";") if one.strip()]
        row[column] = list(dict.fromkeys([*always, *names]))
    migration.invites.append(row)


def _invitation(address: str, mapping: NameMapping) -> dict[str, str | list[str]]:
    """The columns that every invitation there has."""
    return {"email": address, **{name: value for name, value in mapping.invite.items() if name != "email"}}


def _invitations(source: Census, goal: Census, mapping: NameMapping, migration: Migration) -> None:
    """Who was invited here and has not come yet."""
    known = {(mapping.address(one.email) or "").casefold() for one in source.people}
    known |= {one.email.casefold() for one in goal.people}
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
        migration.invites.append(_invitation(address, mapping))


def _allowlist(source: Census, goal: Census, apps_there: frozenset[str] | None, migration: Migration) -> None:
    if not source.allowlist:
        return
    if goal.allowlist is None:
        migration.find("no_counterpart", "allowlist", f"{goal.provider} has none: {len(source.allowlist):,} entries")
        return
    here, there = _scopes(source.allowlist), _scopes(goal.allowlist)
    for client_id, scopes in here.items():
        held = there.get(client_id)
        if client_id in there and (held is None or (scopes is not None and scopes <= held)):
            continue
        if client_id in there and scopes is None:
            text = f"all scopes here, there only {', '.join(sorted(held or ()))}"
            migration.find("narrower_there", client_id, text)
        elif apps_there is not None and client_id not in apps_there:
            migration.find("unknown_app", client_id)
        else:
            migration.allowlist.append({"client_id": client_id, "scopes": sorted(scopes or ())})
    if apps_there is None and migration.allowlist:
        migration.find("unchecked_apps", "allowlist", f"{len(migration.allowlist):,} entries")


def _scopes(entries: Sequence[Link]) -> Mapping[str, frozenset[str] | None]:
    """The scopes of each app, which may be listed more than once; None for all that it is registered for."""
    found: dict[str, frozenset[str] | None] = {}
    for entry in entries:
        before = found.get(entry.key, frozenset())
        found[entry.key] = None if before is None or not entry.detail else before | frozenset(entry.detail)
    return found
