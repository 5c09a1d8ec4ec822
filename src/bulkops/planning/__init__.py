"""What a run would do, decided before it does anything."""

from bulkops.planning.guards import refuse_changes, refuse_protected
from bulkops.planning.kept import KeptDecisions
from bulkops.planning.plan import OLDEST_S, Plan, Planner, ProtectedNames, Rosters, outcome_of, with_candidates
from bulkops.planning.roster import OrganizationRoster

__all__ = [
    "OLDEST_S",
    "KeptDecisions",
    "OrganizationRoster",
    "Plan",
    "Planner",
    "ProtectedNames",
    "Rosters",
    "outcome_of",
    "refuse_changes",
    "refuse_protected",
    "with_candidates",
]
