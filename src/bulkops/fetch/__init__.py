"""Paginated reads."""

from bulkops.fetch.walk import walk

__all__ = ["walk"]
