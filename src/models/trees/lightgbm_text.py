"""The text of LightGBM's boosters, read as a forest."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .forest import NO_ZERO, Floats, Forest, Integers

_CATEGORY, _DEFAULT_LEFT = 1, 2  # bits of its decision_type; the next two tell what is missing
_NONE, _ZERO = 0, 1


def forest_of(texts: Sequence[str]) -> Forest:
    """The mean of some boosters of the same columns.

    Raises
    ------
    ValueError
        They are of several outputs, of a random forest, or hold linear trees.
    """
    heads, trees = [], []
    for text in texts:
        head, *blocks = text.split("\nTree=")
        heads.append(_lines(head))
        trees += [_lines(block.split("\nend of trees", 1)[0]) for block in blocks]
    if any(head["num_tree_per_iteration"] != "1" or "average_output" in head for head in heads):
        raise ValueError("trees of several outputs, or of a random forest")
    if any(tree.get("is_linear", "0") != "0" for tree in trees):
        raise ValueError("linear trees")
    return _joined(trees, int(heads[0]["max_feature_idx"]) + 1, len(texts))


def _lines(text: str) -> dict[str, str]:
    told = (line.partition("=") for line in text.splitlines())
    return {name: value for name, _, value in told}


def _numbers(tree: dict[str, str], name: str, dtype: type) -> npt.NDArray[np.generic]:
    return np.array(tree.get(name, "").split(), dtype)


def _joined(trees: Sequence[dict[str, str]], columns: int, bags: int) -> Forest:
    def all_of(name: str, dtype: type) -> npt.NDArray[np.generic]:
        return np.concatenate([_numbers(tree, name, dtype) for tree in trees])

    column, threshold = all_of("split_feature", np.int64), all_of("threshold", np.float64)
    kind, used = all_of("decision_type", np.int64), np.unique(column)
    place = np.searchsorted(used, column)
    cuts, is_category = [], np.zeros(len(used), bool)
    bits: list[npt.NDArray[np.bool_]] = []
    wordy = [_category_sets(tree) for tree in trees]
    sets = [one for told in wordy for one in told]
    for u in range(len(used)):
        here = place == u
        categories = (kind[here] & _CATEGORY) > 0
        if categories.any() and not categories.all():
            raise ValueError(f"column {used[u]}: a number in one tree and a category in another")
        is_category[u] = categories.any()
        told = (
            _classes([sets[i] for i in np.flatnonzero(here)])
            if is_category[u]
            else _numeric(threshold[here], kind[here])
        )
        cuts.append(told[0])
        bits.append(told[1])
    words = -(-max((one.shape[1] for one in bits), default=1) // 64)
    goes_left = np.zeros((len(column), words), np.uint64)
    for u, one in enumerate(bits):
        wide = np.zeros((len(one), 64 * words), bool)
        wide[:, : one.shape[1]] = one
        goes_left[place == u] = np.packbits(wide, axis=1, bitorder="little").view(np.uint64)
    return Forest(
        columns,
        used,
        np.concatenate([np.empty(0), *cuts]),
        np.cumsum([0, *(len(one) for one in cuts)]),
        is_category,
        place,
        goes_left,
        **_shape(trees, bags),
    )


def _numeric(threshold: Floats, kind: Integers) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The cuts of a column, and for each of its nodes which ranks go left."""
    default, missing = (kind & _DEFAULT_LEFT) > 0, (kind >> 2) & 3
    zero = missing == _ZERO
    own = [-np.nextafter(NO_ZERO, np.inf), NO_ZERO] if zero.any() else []
    cuts = np.unique([*threshold, *own])
    told = np.arange(len(cuts) + 2) <= np.searchsorted(cuts, threshold)[:, None] + 1
    told[:, 0] = np.where(missing == _NONE, threshold >= 0, default)
    told[zero, np.searchsorted(cuts, 0.0) + 1] = default[zero]
    return cuts, told


def _classes(sets: Sequence[npt.NDArray[np.bool_]]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The class of each category of a column, and for each of its nodes which classes go left."""
    member = np.zeros((len(sets), max(map(len, sets)) + 1), bool)  # the last: a category in no set
    for row, one in zip(member, sets, strict=True):
        row[: len(one)] = one
    classes, of = np.unique(member, axis=1, return_inverse=True)  # sorted: that in no set is the first
    return of.ravel().astype(float), classes


def _category_sets(tree: dict[str, str]) -> list[npt.NDArray[np.bool_]]:
    """For each node which categories go left; nothing for a numeric one."""
    words, ends = _numbers(tree, "cat_threshold", np.uint32), _numbers(tree, "cat_boundaries", np.int64)
    kinds, thresholds = _numbers(tree, "decision_type", np.int64), _numbers(tree, "threshold", np.float64)
    told = []
    for kind, threshold in zip(kinds, thresholds, strict=True):
        a, b = (ends[int(threshold)], ends[int(threshold) + 1]) if kind & _CATEGORY else (0, 0)
        told.append(np.unpackbits(words[a:b].view(np.uint8), bitorder="little").astype(bool))
    return told


def _shape(trees: Sequence[dict[str, str]], bags: int) -> dict[str, npt.NDArray[Any]]:
    """Who stands under whom, with which share of the rows; leaves from left to right."""
    nodes = sum(len(_numbers(tree, "left_child", np.int64)) for tree in trees)
    leaves = [_numbers(tree, "leaf_value", np.float64) for tree in trees]
    starts = np.cumsum([0, *map(len, leaves)])
    parent, is_left = np.full(nodes + starts[-1], -1), np.zeros(nodes + starts[-1], bool)
    share, values, first = np.ones(nodes + starts[-1]), np.empty(starts[-1]), 0
    for tree, leaf_values, start in zip(trees, leaves, starts, strict=False):
        children = np.stack([_numbers(tree, "left_child", np.int64), _numbers(tree, "right_child", np.int64)])
        counts, of_leaves = _numbers(tree, "internal_count", np.float64), _numbers(tree, "leaf_count", np.float64)
        seen, waiting = 0, [(0 if len(counts) else ~0, -1, False)]
        while waiting:
            node, above, left = waiting.pop()
            told = first + node if node >= 0 else nodes + start + seen
            parent[told], is_left[told] = above if above < 0 else first + above, left
            if above >= 0:
                share[told] = (counts[node] if node >= 0 else of_leaves[~node]) / counts[above]
            if node >= 0:
                waiting += [(int(children[1, node]), node, False), (int(children[0, node]), node, True)]
            else:
                values[start + seen] = leaf_values[~node] / bags
                seen += 1
        first += len(counts)
    return {"parent": parent, "is_left": is_left, "share": share, "values": values, "leaf_starts": starts}
