"""The vendors that campaigns play, each with its operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.chaos.anypoint import ANYPOINT
from tests.chaos.csp import CSP
from tests.chaos.habitat import Habitat
from tests.chaos.wiremock import WIREMOCK

HABITATS: Mapping[str, Habitat] = {one.vendor: one for one in (ANYPOINT, CSP, WIREMOCK)}

PLAYS: Sequence[tuple[str, str]] = [(name, kind) for name, habitat in HABITATS.items() for kind in habitat.verbs]
"""Every operation of every vendor; a campaign plays them by turns."""
