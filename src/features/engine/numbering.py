"""Numbering: customers and documents become numbers, whatever order their rows come in."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...compiled import compiled, inlined

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
_PRIME = np.uint64(0x9E3779B97F4A7C15)
_TURN = np.uint64(29)


def numbers_of(column: pa.ChunkedArray, names: pa.Array) -> Ints:
    """The place of each text among `names`; -1 where it is not there."""
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # what combines to nothing stays in chunks
        whole = pa.array([], column.type)
    if not pa.types.is_dictionary(whole.type):
        whole = whole.dictionary_encode()
    place = pc.index_in(whole.dictionary, value_set=names).fill_null(-1).to_numpy(zero_copy_only=False)
    if not len(place):
        return np.zeros(0, np.int32)
    return np.asarray(place.astype(np.int32)[whole.indices.to_numpy(zero_copy_only=False)])


class Texts(NamedTuple):
    """A column of text: where each begins (length n + 1), and the bytes of all of them."""

    begins: Longs
    text: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, column: pa.ChunkedArray | pa.Array) -> "Texts":
        """Of a column without nulls."""
        whole = column.cast(pa.large_string())
        whole = whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole
        if isinstance(whole, pa.ChunkedArray) or not len(whole):
            return cls(np.zeros(1, np.int64), np.zeros(1, np.uint8))
        _, offsets, text = whole.buffers()
        begins = np.frombuffer(offsets, np.int64)[whole.offset : whole.offset + len(whole) + 1]
        none = text is None or not text.size
        return cls(begins.copy(), np.zeros(1, np.uint8) if none else np.frombuffer(text, np.uint8).copy())


@inlined
def _mark(text, start, end):  # type: ignore[no-untyped-def]
    """64 bits of a text."""
    mark = np.uint64(end - start)
    for place in range(start, end):
        mark = (mark ^ np.uint64(text[place])) * _PRIME
        mark ^= mark >> _TURN
    return mark


@inlined
def _same(one, a, a_end, other, b, b_end):  # type: ignore[no-untyped-def]
    if a_end - a != b_end - b:
        return False
    same = True
    for k in range(a_end - a):
        same &= one[a + k] == other[b + k]
    return same


@compiled
def begins_of(number, n):  # type: ignore[no-untyped-def]
    """Where the rows of each number begin (length n + 1), in rows that are in order of number; -1 comes first."""
    begins = np.zeros(n + 1, np.int64)
    before = 0
    for row in range(len(number)):
        if number[row] < 0:
            before += 1
        else:
            begins[number[row] + 1] += 1
    begins[0] = before
    for k in range(n):
        begins[k + 1] += begins[k]
    return begins


@compiled
def grouped(number, n):  # type: ignore[no-untyped-def]
    """The order that puts rows together by number, -1 first, rows of one number as they came."""
    place = np.zeros(n + 2, np.int64)
    for row in range(len(number)):
        place[number[row] + 2] += 1
    for k in range(n + 1):
        place[k + 1] += place[k]
    order = np.empty(len(number), np.int64)
    for row in range(len(number)):
        order[place[number[row] + 1]] = row
        place[number[row] + 1] += 1
    return order


def by_document(document: Ints, known: Ints, delivery: Ints) -> Longs | None:
    """The order of rows by document, then as they became known; None where they come so."""
    if _by_document(document, known, delivery):
        return None
    order = grouped(document, int(document.max()) + 1)
    if _by_document(document[order], known[order], delivery[order]):
        return np.asarray(order)
    return np.lexsort((delivery, known, document))


@compiled
def _by_document(document, known, delivery):  # type: ignore[no-untyped-def]
    """Do rows come in order of document, then as they became known?"""
    for row in range(1, len(document)):
        if document[row] <= document[row - 1]:
            if document[row] < document[row - 1] or known[row] < known[row - 1]:
                return False
            if known[row] == known[row - 1] and delivery[row] < delivery[row - 1]:
                return False
    return True


class Named(NamedTuple):
    """The documents of a partition by the ids that their users know, for rows that name one.

    Attributes
    ----------
    begins : int64, length n + 1
        Where each customer's documents begin.
    ids : Texts
        Of the invoice rows.
    first, mark
        The first row of each document, and 64 bits of its id.
    """

    begins: Longs
    ids: Texts
    first: Ints
    mark: npt.NDArray[np.uint64]

    def places(self, customer: Ints, ids: Texts) -> Ints:
        """The document that each row names among those of its customer; -1 where it names none."""
        return np.asarray(_find(customer, *ids, self.begins, self.first, self.mark, *self.ids))


def documents_of(customer: Ints, n: int, ids: Texts, known: Ints, delivery: Ints, issued: Ints) -> tuple[Ints, Named]:
    """The document of each invoice row: rows of one customer that bear one id are versions of one document.

    Documents are numbered in order of customer, then of the issue day that was known first, then of something that
    does not depend on the order of rows.

    Parameters
    ----------
    customer : numbers below n, none negative
    """
    by_customer = grouped(customer, n)
    document, first, mark = _number(begins_of(customer[by_customer], n), *ids, by_customer)
    day = issued[first_known(document, known, delivery, len(first))]
    order = _canonical(customer[first], day, mark)
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    first, mark = first[order], mark[order]
    return place[document], Named(begins_of(customer[first], n), ids, first, mark)


@compiled
def first_known(document, known, delivery, n):  # type: ignore[no-untyped-def]
    """For each document the row that was known first: its issue day is the one money converts at."""
    first = np.full(n, -1, np.int32)
    for row in range(len(document)):
        held = first[document[row]]
        if held < 0 or (known[row], delivery[row]) < (known[held], delivery[held]):
            first[document[row]] = row
    return first


def _canonical(customer: Ints, issued: Ints, marks: npt.NDArray[np.uint64]) -> Longs:
    """Documents in order of customer, then issue day, then something that does not depend on the order of rows."""
    if not len(customer):
        return np.zeros(0, np.int64)
    low, high = int(issued.min()), int(issued.max())
    span = max(1, (high - low).bit_length())
    free = 63 - span - max(1, int(customer.max()).bit_length())
    key = customer.astype(np.int64) << np.int64(span)
    key = (key | (issued.astype(np.int64) - low)) << np.int64(free)
    return np.argsort(key | (marks >> np.uint64(64 - free)).astype(np.int64), kind="stable")


@compiled
def _number(begins, id_begins, id_text, order):  # type: ignore[no-untyped-def]
    """Number documents in order of customer, then as they first come: of each row, its first row, 64 bits of its id."""
    many = len(order)
    document = np.empty(many, np.int32)
    first = np.empty(many, np.int32)
    marks = np.empty(many, np.uint64)
    n = 0
    table = np.empty(16, np.int32)
    for customer in range(len(begins) - 1):
        lo, hi = begins[customer], begins[customer + 1]
        size = 8
        while size < 2 * (hi - lo):
            size *= 2
        if size > len(table):
            table = np.empty(size, np.int32)
        table[:size] = -1
        for place in range(lo, hi):
            row = order[place]
            mark = _mark(id_text, id_begins[row], id_begins[row + 1])
            slot = np.int64(mark & np.uint64(size - 1))
            while True:
                held = table[slot]
                if held < 0:
                    table[slot], document[row], first[n], marks[n] = n, n, row, mark
                    n += 1
                    break
                other = first[held]
                if marks[held] == mark and _same(
                    id_text, id_begins[row], id_begins[row + 1], id_text, id_begins[other], id_begins[other + 1]
                ):
                    document[row] = held
                    break
                slot = (slot + 1) & (size - 1)
    return document, first[:n].copy(), marks[:n].copy()


@compiled
def _find(customer, id_begins, id_text, begins, first, marks, own_begins, own_text):  # type: ignore[no-untyped-def]
    found = np.full(len(customer), -1, np.int32)
    table = np.empty(16, np.int32)
    size, last = 0, -1
    for row in range(len(customer)):
        start, end, who = id_begins[row], id_begins[row + 1], customer[row]
        if start == end or who < 0:
            continue
        if who != last:
            last = who
            lo, hi = begins[who], begins[who + 1]
            size = 8
            while size < 2 * (hi - lo):
                size *= 2
            if size > len(table):
                table = np.empty(size, np.int32)
            table[:size] = -1
            for document in range(lo, hi):
                slot = np.int64(marks[document] & np.uint64(size - 1))
                while table[slot] >= 0:
                    slot = (slot + 1) & (size - 1)
                table[slot] = document
        mark = _mark(id_text, start, end)
        slot = np.int64(mark & np.uint64(size - 1))
        while table[slot] >= 0:
            held = table[slot]
            other = first[held]
            if marks[held] == mark and _same(id_text, start, end, own_text, own_begins[other], own_begins[other + 1]):
                found[row] = held
                break
            slot = (slot + 1) & (size - 1)
    return found
