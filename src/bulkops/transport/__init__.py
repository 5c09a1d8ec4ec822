"""The HTTP session of one account."""

from bulkops.transport.answers import Answer, Reading, VendorProfile, message_of, words_in
from bulkops.transport.book import Book, MemoryBook, SharedBook
from bulkops.transport.credentials import Credentials, Issued, IssuedToken, StaticToken, Token
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
    "Issued",
    "IssuedToken",
    "MemoryBook",
    "Meter",
    "Permit",
    "Rate",
    "Reading",
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
    "words_in",
]
