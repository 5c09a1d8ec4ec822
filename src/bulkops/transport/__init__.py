"""The HTTP session of one account."""

from bulkops.transport.answers import Answer, VendorProfile, message_of
from bulkops.transport.book import Book, MemoryBook, SharedBook
from bulkops.transport.credentials import Credentials, IssuedToken, StaticToken, Token
from bulkops.transport.gates import Gates, Rate, Waiting
from bulkops.transport.options import Meter, Permit, SessionOptions, Timeouts
from bulkops.transport.secrets import MASK, Scrubber
from bulkops.transport.session import Session

__all__ = [
    "MASK",
    "Answer",
    "Book",
    "Credentials",
    "Gates",
    "IssuedToken",
    "MemoryBook",
    "Meter",
    "Permit",
    "Rate",
    "Scrubber",
    "Session",
    "SessionOptions",
    "SharedBook",
    "StaticToken",
    "Timeouts",
    "Token",
    "VendorProfile",
    "Waiting",
    "message_of",
]
