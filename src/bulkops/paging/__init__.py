"""Paging state machines: fed with answers, they say what to ask next. They send nothing."""

from bulkops.paging.offset import OffsetWalk, Page

__all__ = ["OffsetWalk", "Page"]
