"""What a survey decided, kept small until it is carried out, so that rows need not be read and decided twice."""

from __future__ import annotations

import marshal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from pydantic import BaseModel

from bulkops.model import Item
from bulkops.operations.base import Decision, Fate
from bulkops.providers.base import NOTHING, Change

IN_MEMORY = 2 * 1024 * 1024
"""So many bytes wait in memory, what is more in a file without a name; an invitation takes 170."""

_READY = Fate.READY


class KeptDecisions:
    """The decisions of the first rows, chunk by chunk; `last_row` is the last one whose decision is kept.

    Rows that will be sent and carry texts alone are kept as bytes, others as they are, up to `whole` of them. After the
    first chunk that cannot be kept no other is: from there on the caller decides anew.
    """

    def __init__(self, *, whole: int) -> None:
        self.last_row = 0
        self._left = whole
        self._full = False
        self._broken = False  # the disk took no more: what the file holds is not trusted
        self._chunks: list[list[Decision] | tuple[type[BaseModel], int]] = []
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - it lives as long as this

    def add(self, decisions: Sequence[Decision]) -> None:
        """Keep the next chunk, if all before it were kept and there is room."""
        if self._full or not decisions:
            return
        if (plain := _plain(decisions)) is not None and (length := self._write(plain)):
            self._chunks.append((type(decisions[0].item.payload.fields), length))
        elif len(decisions) <= self._left:
            self._left -= len(decisions)
            self._chunks.append(list(decisions))
        else:
            self._full = True
            return
        self.last_row = max(decision.item.row for decision in decisions)

    def take(self) -> Iterator[Sequence[Decision]]:
        """The chunks, each once; nothing is kept afterwards. They end early at one that the disk has lost."""
        chunks, self._chunks = self._chunks, []
        if chunks:
            self._rewind()
        for chunk in chunks:
            if isinstance(chunk, tuple):
                model, length = chunk
                if (packed := self._read(length)) is None:
                    break
                yield _decisions(marshal.loads(packed), model)  # noqa: S302 - nobody else can write it
            else:
                yield chunk
        self.close()

    def close(self) -> None:
        """Forget everything."""
        self._chunks.clear()
        with suppress(OSError):  # what is left to write need not be
            self._file.close()

    def __del__(self) -> None:
        self.close()

    def _rewind(self) -> None:
        try:
            self._file.seek(0)
        except OSError:
            self._broken = True

    def _read(self, length: int) -> bytes | None:
        if self._broken:
            return None
        try:
            packed = self._file.read(length)
        except OSError:
            return None
        return packed if len(packed) == length else None

    def _write(self, plain: list[Any]) -> int:
        """The bytes that were written; 0 for a value that is no text, or a full disk: then it is decided anew."""
        try:
            packed = marshal.dumps(plain)
        except ValueError:
            return 0
        if self._broken:
            return 0
        try:
            return self._file.write(packed)
        except OSError:
            self._broken = True
            return 0


def _plain(decisions: Sequence[Decision]) -> list[Any] | None:
    """What makes each decision, where all are to send rows of one model with texts alone."""
    model = type(getattr(decisions[0].item.payload, "fields", None))
    if not issubclass(model, BaseModel):
        return None
    plain: list[Any] = []
    for fate, (row, key, change, memo), _code, _message, _column, _candidates, effect, word in decisions:
        if fate is not _READY or change.grants or change.person is not None or type(change.fields) is not model:
            return None
        fields, name, parent, level, detail, _grants, _person, *rest = change
        plain.append((row, key, memo, fields.__getstate__(), name, parent, level, detail, rest, effect, word))
    return plain


def _decisions(plain: Sequence[Any], model: type[BaseModel]) -> list[Decision]:
    """The other way round; the fields were validated before."""
    decisions = []
    for row, key, memo, state, name, parent, level, detail, rest, effect, word in plain:
        fields = model.__new__(model)
        fields.__setstate__(state)
        change = Change(fields, name, parent, level, detail, NOTHING, None, *rest)
        decisions.append(Decision.ready(Item(row, key, change, memo), effect=effect, word=word))
    return decisions
