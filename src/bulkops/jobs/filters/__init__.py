"""The filter language of `where`: text, checked against the columns there are, then asked of row after row."""

from bulkops.jobs.filters.check import parse_filter
from bulkops.jobs.filters.expressions import Filter
from bulkops.jobs.filters.values import ColumnType, Decision

__all__ = ["ColumnType", "Decision", "Filter", "parse_filter"]
