"""The roles of WireMock Cloud, and what each is a role of."""

from __future__ import annotations

from typing import Literal, get_args

Role = Literal[
    "organisation_admin",
    "organisation_member",
    "team_admin",
    "team_member",
    "mock_api_admin",
    "mock_api_editor",
    "mock_api_user",
    "api_template_admin",
    "api_template_editor",
    "api_template_user",
    "api_template_catalogue_admin",
    "api_template_catalogue_editor",
    "api_template_catalogue_user",
    "data_source_admin",
    "data_source_editor",
    "data_source_user",
    "key_admin",
    "key_editor",
    "key_user",
]

ADMIN, MEMBER = "organisation_admin", "organisation_member"
ORGANISATION = "organisation"
LISTED = frozenset({"team", "mock_api"})
"""Sorts of things that can be listed, so that their names are known here."""

TEAM_ROLES = {"member": "team_member", "maintainer": "team_admin"}
LEVELS = {role: level for level, role in TEAM_ROLES.items()}


def sort_of(role: str) -> str:
    """What a role is a role of: organisation, team, mock_api, …"""
    return role.rpartition("_")[0]


def roles_of(sort: str) -> list[str]:
    """The roles of a sort of things."""
    return [role for role in get_args(Role) if sort_of(role) == sort]
