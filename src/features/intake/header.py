"""The header of a raw table: which of its columns are ours."""

import re
import unicodedata
from collections.abc import Sequence, Set
from dataclasses import dataclass

from ..mapping import COLUMNS, Mapping, required
from ..quarantine import Report
from .rejection import Rejected


@dataclass
class Header:
    """Which of a file's columns are ours.

    Attributes
    ----------
    places : dict of str to int
        Our name (or theirs, where the mapping needs it) to the place of the column.
    own : str
        What the file calls the table's id.
    """

    places: dict[str, int]
    own: str


def read_header(
    names: Sequence[str], table: str, file: str, mapping: Mapping, report: Report, spare: Set[str] = frozenset()
) -> Header:
    """Find our columns among theirs; what is missing refuses the delivery, what is strange is warned of.

    `spare` are columns that may be missing, since another table tells them.
    """
    ours = {unicodedata.normalize("NFC", theirs): name for theirs, name in mapping.columns.get(table, {}).items()}
    wanted = {*required(table), *COLUMNS[table][1].split()}
    found = [unicodedata.normalize("NFC", name).strip() for name in names]
    told = [ours.get(name, name) for name in found]
    for place, name in enumerate(told):
        plain = re.sub(r"[\s-]+", "_", name.strip("\ufeff\"' ").casefold())
        if name not in wanted and plain in wanted and plain not in told:
            told[place] = plain
            report.warn("HEADER_NORMALISED", file)
    filled = [name for name in told if name]
    doubled = next((name for name in filled if filled.count(name) > 1), None)
    if doubled:
        raise Rejected("HEADER_DUPLICATE", f"{file} line 1: two columns are called '{doubled}'; which one holds?")
    absent = sorted(set(ours) - set(found))
    if absent:
        raise Rejected(
            "HEADER_MISMATCH",
            f"{file} line 1: no column '{absent[0]}' (found {', '.join(found)[:300]}), which the mapping names in "
            f"columns: {{{table}: {{{absent[0]}: {ours[absent[0]]}}}}}.",
        )
    both = sorted(set(mapping.constants.get(table, {})) & set(told))
    if both:
        raise Rejected(
            "HEADER_MISMATCH",
            f"{file} line 1: has a column '{both[0]}', and the mapping states one value for all rows (constants); "
            "take it out of the mapping, or name another column.",
        )
    given = {*told, *mapping.constants.get(table, {}), *spare}
    lacking = [name for name in required(table) if name not in given]
    if lacking:
        raise Rejected("HEADER_MISMATCH", f"{file} line 1: {_lacking(lacking[0], table, found, mapping)}")
    used = used_by(table, mapping)
    for part in used - wanted - set(told):
        raise Rejected(
            "HEADER_MISMATCH",
            f"{file} line 1: no column '{part}' (found {', '.join(found)[:300]}), which the mapping needs "
            "(key: or derive:).",
        )
    if "" in told:
        report.warn("EXTRA_EMPTY_COLUMN", file)
    if set(filled) - wanted - used:
        report.warn("EXTRA_COLUMN", file)
    places = {name: place for place, name in enumerate(told) if name in wanted | used}
    own = required(table)[0]
    return Header(places, found[places[own]] if own in places else own)


def _lacking(name: str, table: str, found: list[str], mapping: Mapping) -> str:
    said = f"no column '{name}' (found {', '.join(found)[:300]})"
    if len(found) <= 2:
        for mark in ";\t|,":
            if mark != mapping.delimiter and any(mark in one for one in found):
                shown = "\\t" if mark == "\t" else mark
                return (
                    f"{said}; the file seems to be separated by '{shown}': say delimiter: \"{shown}\" in the mapping."
                )
        return f"{said}; if lines stand above the header, say skip_rows: {{{table}: n}} in the mapping."
    if name in ("is_strategic", "credit_limit", "segment", "country", "name", "onboarded_on"):
        value = "false" if name == "is_strategic" else ""
        return (
            f"{said}; name yours in the mapping, columns: {{{table}: {{yours: {name}}}}}, or say what holds for all "
            f"rows, constants: {{{table}: {{{name}: '{value}'}}}}."
        )
    return f"{said}; name yours in the mapping, columns: {{{table}: {{yours: {name}}}}}."


def used_by(table: str, mapping: Mapping) -> set[str]:
    """Columns beyond the canonical ones that the mapping makes something of."""
    names = {part for owner, parts in mapping.key.items() if refers(table, owner) for part in parts}
    if table == "invoices":
        names |= {their for said in mapping.derive.values() if isinstance(said, dict) for their in said.values()}
    return names


def refers(table: str, owner: str) -> bool:
    own = f"{owner[:-1]}_id"
    return table == owner or own in required(table) or (owner == "invoices" and table == "events")
