"""Paging state machines: fed with answers, they say what to ask next. They send nothing."""

from bulkops.paging.base import MOST_PAGES, MOST_ROWS, Page, PageWalk, Position, overlap_of
from bulkops.paging.links import LinkWalk, links_of, same_host
from bulkops.paging.number import NumberWalk
from bulkops.paging.offset import OffsetWalk, StartWalk
from bulkops.paging.seams import Fit, Keys, Place, Seams
from bulkops.paging.whole import WholeWalk

__all__ = [
    "MOST_PAGES",
    "MOST_ROWS",
    "Fit",
    "Keys",
    "LinkWalk",
    "NumberWalk",
    "OffsetWalk",
    "Page",
    "PageWalk",
    "Place",
    "Position",
    "Seams",
    "StartWalk",
    "WholeWalk",
    "links_of",
    "overlap_of",
    "same_host",
]
