"""Paginated reads."""

from bulkops.fetch.certify import Certainty, Left, Mark, Stretch, read_through
from bulkops.fetch.parallel import side_by_side
from bulkops.fetch.parts import PartFile
from bulkops.fetch.tables import Joined, Portion, TableLeft, added, read_table
from bulkops.fetch.walk import walk
from bulkops.paging import Page

__all__ = [
    "Certainty",
    "Joined",
    "Left",
    "Mark",
    "Page",
    "PartFile",
    "Portion",
    "Stretch",
    "TableLeft",
    "added",
    "read_table",
    "read_through",
    "side_by_side",
    "walk",
]
