"""Paginated reads."""

from bulkops.fetch.certify import Certainty, Left, Mark, Stretch, read_through
from bulkops.fetch.parallel import side_by_side
from bulkops.fetch.walk import walk
from bulkops.paging import Page

__all__ = ["Certainty", "Left", "Mark", "Page", "Stretch", "read_through", "side_by_side", "walk"]
