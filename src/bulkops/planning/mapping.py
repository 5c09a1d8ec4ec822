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


Domain = Annotated[str, AfterValidator(_domain)]


class NameMapping(BaseModel):
    """What is called otherwise in the organisation that people move to; everything else keeps its name.

    A name of a role group or team that maps to null is left behind on purpose. `people` maps single addresses, and goes
    before `domains`; an address that maps to null is not migrated. `invite` holds columns that every invitation there
    gets, such as the role that some providers ask for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    role_groups: Mapping[str, str | None] = Field(default_factory=dict)
    teams: Mapping[str, str | None] = Field(default_factory=dict)
    domains: Mapping[Domain, Domain] = Field(default_factory=dict)
    people: Mapping[str, str | None] = Field(default_factory=dict)
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

    def unused(self, kind: str, known: set[str]) -> list[str]:
        """The names of `kind` that it maps, and that are none of the `known` ones: misspelt, most likely."""
        names = self.role_groups if kind == "role_group" else self.teams
        folded = {name.casefold() for name in known}
        return [name for name in names if name.casefold() not in folded]
