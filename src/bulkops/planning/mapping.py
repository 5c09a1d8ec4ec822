"""How names of one organisation are called in another: a migration's mapping file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _domain(name: str) -> str:
    found = name.strip().casefold().removeprefix("@")
    if not found or "@" in found or " " in found:
        raise ValueError(f"a domain such as new.example, not {name!r}")
    return found


def _name(name: str) -> str:
    if not name.strip():
        raise ValueError("a name, or null for what is left behind")
    return name.strip()


Domain = Annotated[str, AfterValidator(_domain)]
Name = Annotated[str, AfterValidator(_name)]


class NameMapping(BaseModel):
    """What is called otherwise in the organisation that people move to; everything else keeps its name.

    A name of a role group or team that maps to null is left behind on purpose. `people` maps single addresses, and goes
    before `domains`; an address that maps to null is not migrated. `invite` holds columns that every invitation there
    gets, such as the role that some providers ask for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    role_groups: Mapping[Name, Name | None] = Field(default_factory=dict)
    teams: Mapping[Name, Name | None] = Field(default_factory=dict)
    domains: Mapping[Domain, Domain] = Field(default_factory=dict)
    people: Mapping[Name, Name | None] = Field(default_factory=dict)
    invite: Mapping[str, str] = Field(default_factory=dict)

    def address(self, address: str) -> str | None:
        """The address that somebody has there; None for somebody who is left behind on purpose."""
        for known, new in self.people.items():
            if known.casefold() == address.casefold():
                return new
        local, at, domain = address.rpartition("@")
        new_domain = self.domains.get(domain.casefold())
        return f"{local}{at}{new_domain}" if new_domain else address

    def group(self, kind: str, name: str) -> str | None:
        """The name that a role group or team has there; None for one that is left behind on purpose."""
        names = self.role_groups if kind == "role_group" else self.teams
        if name in names:
            return names[name]
        return next((new for known, new in names.items() if known.casefold() == name.casefold()), name)

    def unused_addresses(self, known: set[str]) -> list[str]:
        """The addresses and domains that it maps, and that none of the `known` addresses has."""
        folded = {address.casefold() for address in known}
        domains = {address.rpartition("@")[2] for address in folded}
        people = [address for address in self.people if address.casefold() not in folded]
        return [*people, *(domain for domain in self.domains if domain not in domains)]

    def unused(self, kind: str, known: set[str]) -> list[str]:
        """The names of `kind` that it maps, and that are none of the `known` ones: misspelt, most likely."""
        names = self.role_groups if kind == "role_group" else self.teams
        folded = {name.casefold() for name in known}
        return [name for name in names if name.casefold() not in folded]
