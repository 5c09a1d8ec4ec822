"""Paginated reads."""

from bulkops.fetch.parallel import side_by_side
from bulkops.fetch.walk import walk
from bulkops.paging import Page

__all__ = ["Page", "side_by_side", "walk"]
