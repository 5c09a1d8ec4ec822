"""Frozen values that every room shares, and the legal changes of an item's state."""

from bulkops.model.changes import Change
from bulkops.model.jobs import Batch, Counts, Item, Job, Payload, Problem, Row, Traffic, shorten
from bulkops.model.outcomes import Outcome, Settled, Verdict
from bulkops.model.rows import RowSet
from bulkops.model.states import FINAL, State

__all__ = [
    "FINAL",
    "Batch",
    "Change",
    "Counts",
    "Item",
    "Job",
    "Outcome",
    "Payload",
    "Problem",
    "Row",
    "RowSet",
    "Settled",
    "State",
    "Traffic",
    "Verdict",
    "shorten",
]
