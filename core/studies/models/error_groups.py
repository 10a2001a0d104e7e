"""Errors of models on labelled frames, by element, chemistry, size and distance; worst frames."""

from collections.abc import Mapping
from functools import reduce
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.elements import INDEX, N_ELEMENTS, SYMBOLS, chemistry
from core.training.scoring.frame_errors import FrameErrors, summary
from core.training.settings.metrics import LABEL_METRICS, SCALES

Grouping = Literal["element", "chemistry", "size", "distance"]

GROUPINGS: Final[dict[Grouping, str]] = {
    "element": "Element",
    "chemistry": "Chemistry",
    "size": "Size",
    "distance": "Distance from training",
}

_SIZES: Final = (5, 10, 20, 50, 100)
"""Largest numbers of atoms of the groups by size."""

_DISTANCES: Final = (0.25, 0.5, 1.0, 2.0)
"""Largest distances of the groups by distance."""

_OF_ATOMS: Final = {"force", "magmom"}
_UNKNOWN: Final = "unknown"


def containing(
    errors: FrameErrors, elements: list[str] | tuple[str, ...], *, any_of: bool
) -> NDArray[np.bool_]:
    """Return which frames contain all, or any, of some elements, (n,); all without elements."""
    if not elements:
        return np.ones(len(errors.rows), dtype=bool)
    present = errors.fractions[:, [INDEX[symbol] for symbol in elements]] > 0
    return np.asarray(present.any(axis=1) if any_of else present.all(axis=1))


def common(errors: Mapping[str, FrameErrors]) -> dict[str, FrameErrors]:
    """Return models' errors on the frames that all of them were asked for, in one order."""
    rows = reduce(np.intersect1d, [one.rows for one in errors.values()])
    return {model: one.only(np.isin(one.rows, rows)) for model, one in errors.items()}


def by_group(
    errors: Mapping[str, FrameErrors],
    grouping: Grouping,
    kind: str,
    *,
    distances: NDArray[np.float64] | None = None,
) -> pd.DataFrame:
    """Return the mean absolute errors of groups of frames, one column per model.

    Args:
        errors: by model, of the same frames.
        grouping: what makes a group. An element's are the frames that contain it; of forces and
            moments, its atoms.
        kind: key of `core.training.scoring.frame_errors.KINDS`.
        distances: of the frames from the training frames, (n,), where they are grouped by these.

    Returns:
        Columns group, count (frames, or atoms, with a label) and one per model, in the unit of the
        kind's metric; groups without a label are left out.
    """
    if grouping == "element" and kind in _OF_ATOMS:
        return _by_atoms(errors, kind)
    first = next(iter(errors.values()))
    tables = {model: one.compared(kind) for model, one in errors.items()}
    labelled = np.zeros(len(first.rows), dtype=bool)
    labelled[next(iter(tables.values()))["frame"].to_numpy()] = True
    rows = []
    for name, flags in _groups(first, grouping, distances).items():
        count = int((flags & labelled).sum())
        if count:
            found = {
                model: summary(table[flags[table["frame"]]], kind)["mae"]
                for model, table in tables.items()
            }
            rows.append({"group": name, "count": count, **found})
    return pd.DataFrame(rows, columns=["group", "count", *errors])


def _by_atoms(errors: Mapping[str, FrameErrors], kind: str) -> pd.DataFrame:
    """Return `by_group` of quantities of atoms, by element."""
    columns: dict[str, NDArray[np.float64]] = {}
    counts = np.zeros(N_ELEMENTS)
    for model, one in errors.items():
        label, predicted = getattr(one, f"{kind}_label"), getattr(one, f"{kind}_predicted")
        apart = np.abs(predicted - label).astype(float).reshape(len(label), -1).mean(axis=1)
        known = np.isfinite(apart)
        places = one.atomic_numbers[known].astype(int) - 1
        counts = np.bincount(places, minlength=N_ELEMENTS).astype(float)
        sums = np.bincount(places, apart[known], N_ELEMENTS)
        columns[model] = SCALES[LABEL_METRICS[kind]] * sums / np.maximum(counts, 1)
    table = pd.DataFrame({"group": SYMBOLS, "count": counts.astype(int), **columns})
    return table[table["count"] > 0].reset_index(drop=True)


def worst(errors: FrameErrors, kind: str, n: int) -> pd.DataFrame:
    """Return the frames with the largest mean absolute errors, the worst first.

    Args:
        errors: a model's errors.
        kind: key of KINDS.
        n: how many.

    Returns:
        Columns frame_id, formula, n_atoms, error (in the unit of the kind's metric) and row (of
        the data set).
    """
    means = errors.of_frames(kind)
    order = np.argsort(-np.nan_to_num(means, nan=-1.0), kind="stable")[:n]
    order = order[np.isfinite(means[order])]
    return pd.DataFrame(
        {
            "frame_id": errors.frame_ids[order],
            "formula": errors.formulas[order],
            "n_atoms": errors.n_atoms[order],
            "error": means[order],
            "row": errors.rows[order],
        }
    )


def _groups(
    errors: FrameErrors, grouping: Grouping, distances: NDArray[np.float64] | None
) -> dict[str, NDArray[np.bool_]]:
    """Return which frames each group holds, by its name, in the order in which they are shown."""
    if grouping == "element":
        present = errors.fractions > 0
        return {name: present[:, place] for name, place in INDEX.items()}
    if grouping == "chemistry":
        classes = np.array(chemistry(errors.fractions))
        names, counts = np.unique(classes, return_counts=True)
        return {str(name): classes == name for name in names[np.argsort(-counts, kind="stable")]}
    if grouping == "size":
        return _ranges(errors.n_atoms.astype(float), _SIZES, unit=" atoms")
    far = np.full(len(errors.rows), np.nan) if distances is None else distances
    return _ranges(far, _DISTANCES)


def _ranges(
    values: NDArray[np.float64], ends: tuple[float, ...], *, unit: str = ""
) -> dict[str, NDArray[np.bool_]]:
    """Return groups of values up to each end, above the last one, and unknown ones."""
    groups = {}
    before = -np.inf
    for end in ends:
        groups[f"at most {end:g}{unit}"] = (values > before) & (values <= end)
        before = end
    groups[f"more than {before:g}{unit}"] = values > before
    groups[_UNKNOWN] = np.isnan(values)
    return groups
