"""The gate of time: a fact is known at the close of a day T when it was seen by then and nothing has replaced it.

`seen` is the later of a fact's own day and the day on which it became known (a promise is seen when it is given).
Every kernel asks here, and nowhere else, whether it may look at a fact.
"""

from ...compiled import inlined


@inlined
def known(seen, T):  # type: ignore[no-untyped-def]
    """Is a fact that was never replaced known at T?"""
    return seen <= T


@inlined
def holds(seen, replaced, T):  # type: ignore[no-untyped-def]
    """Is this version of a fact the one that holds at T?"""
    return seen <= T < replaced


@inlined
def version_at(versions, start, end, T):  # type: ignore[no-untyped-def]
    """The version of a document that holds at T; -1 where none does."""
    found = -1
    for v in range(start, end):
        if versions.issued[v] <= T and holds(versions.known[v], versions.replaced[v], T):
            found = v
    return found


@inlined
def due_at(versions, start, end, T):  # type: ignore[no-untyped-def]
    """The due day that counts at T, and the day of the latest extension (-1: none).

    The first due day holds; another replaces it only if it was known on or before the day it replaces. A later move is
    an extension.
    """
    due, extended = versions.due[start], -1
    for v in range(start + 1, end):
        if not known(versions.known[v], T):
            break  # versions come in the order in which they became known
        if versions.due[v] != due and versions.due[v] != versions.due[v - 1]:
            if versions.known[v] <= due:
                due = versions.due[v]
            elif versions.due[v] > versions.due[v - 1]:
                extended = versions.known[v]
    return due, extended
