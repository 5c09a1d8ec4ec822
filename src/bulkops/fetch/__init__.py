"""Paginated reads."""

from bulkops.fetch.parallel import side_by_side
from bulkops.fetch.walk import walk

__all__ = ["side_by_side", "walk"]
