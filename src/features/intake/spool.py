"""Spools: rows put aside in buckets on disk, so that memory is bounded by one bucket and not by the book."""

import os
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .conversions import bytes_of

Buckets = npt.NDArray[np.uint16]
_ODD, _TOO = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


ROOM = 1 << 30  # bytes


class Room:
    """The memory that all spools of a run share; what goes beyond it lies in files of `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._left = folder, ROOM
        self._lock = Lock()

    def take(self, size: int) -> bool:
        """Is there room for so many bytes? Then they are taken."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give(self, size: int) -> None:
        """Give back what was taken."""
        with self._lock:
            self._left += size


class Spool:
    """Rows of one kind in a number of buckets: in memory while there is room, else in one file."""

    def __init__(self, room: Room, name: str, buckets: int) -> None:
        self.buckets = buckets
        self._room, self._path = room, room.folder / f"{name}.spool"
        self._file: BinaryIO | None = None
        self._parts: list[list[pa.Buffer | tuple[int, int]]] = [[] for _ in range(buckets)]
        self._end = 0

    def add(self, parts: Iterable[pa.RecordBatch]) -> None:
        """A part for each bucket, as `parted` cuts them. One thread at a time adds."""
        for kept, part in zip(self._parts, parts, strict=True):
            if not part.num_rows:
                continue
            told = part.serialize()
            if self._room.take(told.size):
                kept.append(told)
                continue
            if self._file is None:
                self._file = self._path.open("wb", buffering=1 << 20)
            self._file.write(told)
            kept.append((self._end, told.size))
            self._end += told.size

    def close(self) -> None:
        """Nothing more will be added."""
        if self._file is not None:
            self._file.close()
            self._file = self._path.open("rb", buffering=0)

    def read(self, bucket: int, schema: pa.Schema, *, keep: bool = False) -> pa.RecordBatch:
        """All rows of a bucket, in the order in which they were added; once, unless they are kept."""
        batches = []
        for part in self._parts[bucket]:
            if isinstance(part, tuple):
                part = pa.py_buffer(os.pread(self._file.fileno(), part[1], part[0]))  # type: ignore[union-attr]
            elif not keep:
                self._room.give(part.size)
            batches.append(pa.ipc.read_record_batch(part, schema))
        if not keep:
            self._parts[bucket] = []
        return pa.concat_batches(batches) if batches else pa.RecordBatch.from_pylist([], schema)

    def drop(self) -> None:
        """All was read: give the disk's room back."""
        if self._file is not None:
            self._file.close()
            self._path.unlink()


def parted(batch: pa.RecordBatch, bucket: Buckets, buckets: int) -> list[pa.RecordBatch]:
    """The rows of each bucket, in their order."""
    if buckets == 1:
        return [batch]
    order = np.argsort(bucket, kind="stable")
    sorted_ = batch.take(pa.array(order))
    ends = np.cumsum(np.bincount(bucket, minlength=buckets))
    return [sorted_.slice(int(end - many), int(many)) for end, many in zip(ends, np.diff(ends, prepend=0), strict=True)]


def ends_of(ids: pa.StringArray) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.int32]]:
    """The first and the last eight bytes of each id as numbers, and its length: the whole of an id up to 16 bytes."""
    offsets, text = bytes_of(ids)
    start, end, length = offsets[:-1], offsets[1:], np.diff(offsets)
    if len(text) < 8:
        text = np.concatenate([text, np.zeros(8, np.uint8)])
    words = np.ndarray((len(text) - 7,), "<u8", text.data, strides=(1,))  # the eight bytes from each place on
    at, till = np.minimum(start, len(words) - 1), np.maximum(end - 8, 0)
    first, last = words[at], words[till]
    if len(length) and length.min() < 8:  # what stands before or after a short id is shifted out
        short = 8 * np.clip(8 - length, 0, 7)
        first = first >> (8 * (start - at)).astype(np.uint64) << short.astype(np.uint64)
        last = last << (8 * (till + 8 - end)).astype(np.uint64) >> short.astype(np.uint64)
        none = length == 0
        first[none] = last[none] = 0
    return first, last, length


def mixed(
    first: npt.NDArray[np.uint64], last: npt.NDArray[np.uint64], length: npt.NDArray[np.int32]
) -> npt.NDArray[np.uint64]:
    """64 bits of each id's ends and length."""
    mark: Any = (last * _ODD) ^ (first * _TOO) ^ length.astype(np.uint64)
    mark ^= mark >> np.uint64(29)
    mark *= _ODD
    return np.asarray(mark)


def fingerprint(ids: pa.StringArray) -> npt.NDArray[np.uint64]:
    """64 bits of each id: equal for equal ids, so that different ones prove different ids."""
    return mixed(*ends_of(ids))


class Index:
    """Ids by their place, made once for many look-ups (a hash table with open addressing)."""

    def __init__(self, ids: pa.StringArray) -> None:
        self.ids = ids
        self._first, self._last, self._length = ends_of(ids)
        mark = mixed(self._first, self._last, self._length)
        bits = max(4, int(3 * len(ids)).bit_length())
        self._shift, self._mask = np.uint64(64 - bits), (1 << bits) - 1
        self._table = np.full(1 << bits, -1, np.int32)
        rest, slot = np.arange(len(ids), dtype=np.int32), (mark >> self._shift).astype(np.int64)
        while len(rest):
            free = self._table[slot] < 0
            self._table[slot[free]] = rest[free]
            lost = self._table[slot] != rest
            rest, slot = rest[lost], (slot[lost] + 1) & self._mask

    def place_of(self, ids: pa.StringArray) -> npt.NDArray[np.int32]:
        """The place of each id; -1 where it is not."""
        if not len(self.ids):
            return np.full(len(ids), -1, np.int32)
        first, last, length = ends_of(ids)
        slot = (mixed(first, last, length) >> self._shift).astype(np.int64)
        place = self._table[slot]
        met = self._equal(place, first, last, length)
        rest = np.flatnonzero(~met & (place >= 0))
        slot = slot[rest]
        while len(rest):
            slot = (slot + 1) & self._mask
            found = self._table[slot]
            place[rest] = found
            more = ~self._equal(found, first[rest], last[rest], length[rest]) & (found >= 0)
            rest, slot = rest[more], slot[more]
        long = np.flatnonzero((length > 16) & (place >= 0))
        if len(long):  # their ends agree: are they the same?
            mine, theirs = ids.take(pa.array(long)), self.ids.take(pa.array(place[long]))
            if not pc.all(pc.equal(mine, theirs)).as_py():
                place[long] = pc.index_in(mine, value_set=self.ids).fill_null(-1).to_numpy(False)
        return place

    def _equal(self, place, first, last, length) -> npt.NDArray[np.bool_]:  # type: ignore[no-untyped-def]
        return (
            (place >= 0) & (self._last[place] == last) & (self._first[place] == first) & (self._length[place] == length)
        )


def spread(ids: pa.StringArray, buckets: int) -> Buckets:
    """A bucket for each id, the same for equal ids."""
    return np.zeros(len(ids), np.uint16) if buckets == 1 else bucket_of(fingerprint(ids), buckets)


def bucket_of(marks: npt.NDArray[np.uint64], buckets: int) -> Buckets:
    """A bucket for each fingerprint."""
    return ((marks >> np.uint64(40)) % np.uint64(buckets)).astype(np.uint16)
