"""Paging by a link or cursor that each page gives to the next."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from bulkops.paging.base import Page, Position, Tally


class LinkWalk(Tally):
    """A walk along the links of its pages, one after the other.

    `Page.next` is a link as `same_host` returns it, or an opaque cursor. A link that was followed before would go on
    for ever: the listing is then not believed, nor is one whose total changes, or that ends short of it.
    """

    def __init__(self, first: str = "") -> None:
        super().__init__()
        self.first: Position = first
        self.step = 0
        self.ended = False
        self._followed: set[Position] = {first}

    def feed(self, page: Page[Any], identities: Iterable[Hashable]) -> list[Position]:
        """Take a page in. Returns the link to follow, if there is one."""
        fresh = self._count(identities)
        if self._pages == 1:
            self.total, self.step = page.total, len(page.rows)
        elif page.total != self.total:
            self.drifted = True
        if page.next is None:
            self.ended = True
            return []
        if page.next in self._followed or (page.rows and not fresh):
            self.drifted = True
            return []
        self._followed.add(page.next)
        return [] if self._too_long() else [page.next]

    @property
    def complete(self) -> bool:
        """Whether the links were followed to their end."""
        if self.drifted or self.endless or not self.ended:
            return False
        return self.total is None or len(self._seen) == self.total


def same_host(link: str, base_url: str) -> str:
    """The path and query of `link`, which may be relative to the host; a trailing URI template is cut off.

    Raises ValueError for a link that leaves the scheme, host or port of `base_url`: credentials would follow it.
    """
    try:
        target, own = urlsplit(urljoin(base_url + "/", link.partition("{")[0])), urlsplit(base_url)
        away = (target.scheme, target.hostname, _port(target)) != (own.scheme, own.hostname, _port(own))
    except ValueError as error:
        raise ValueError("a link that is no address") from error
    if away or target.username is not None:
        raise ValueError(f"a link that leaves {own.hostname}")
    return (target.path or "/") + (f"?{target.query}" if target.query else "")


def _port(parts: Any) -> int | None:
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme)


_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[\w!#$%&'*+.^`|~-]+\s*=\s*(?:\"[^\"]*\"|[^\s;,\"]+))*)\s*(?:,|$)")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)


def links_of(header: str) -> Mapping[str, str]:
    """The targets of a `Link` header field by their relation, as RFC 8288 writes them. Others are left out."""
    found: dict[str, str] = {}
    for target, parameters in _LINK.findall(header):
        rel = _REL.search(parameters)
        for name in (rel.group(1) or rel.group(2) or "").split() if rel else ():
            found.setdefault(name.casefold(), target)
    return found
