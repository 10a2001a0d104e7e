"""Frames of a data set in order, page by page."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.elements import SYMBOLS
from core.errors import LabError
from core.frames.contents.distributions import SIZES, values_of
from core.frames.contents.numbers import Contents
from core.frames.pairs import PairSet
from core.frames.schema import Frame
from core.frames.store import FrameSet


def order_of(contents: Contents, key: str, *, descending: bool = False) -> np.ndarray:
    """Return all frames in the order of a quantity, those without the label last, (n,) integers.

    Args:
        contents: what the data set holds.
        key: a quantity or a size; "" keeps the order of the data set.
        descending: the largest first.

    Raises:
        LabError: if there is no such quantity.
    """
    if not key:
        rows = np.arange(len(contents), dtype=np.int32)
        return rows[::-1] if descending else rows
    known = [*(size.key for size in SIZES), *contents.keys]
    if key not in known:
        raise LabError(f"There is no quantity {key!r} here; choose one of: {', '.join(known)}.")
    values = values_of(contents, key)
    # NaN sorts last; equal values keep the order of the data set.
    order = np.argsort(-values if descending else values, kind="stable")
    return order.astype(np.int32)


def page_of(order: np.ndarray, mask: np.ndarray, page: int, size: int) -> np.ndarray:
    """Return the rows of one page of the frames that count.

    Args:
        order: all frames in order, (n,) integers.
        mask: the frames that count, (n,) booleans.
        page: number of the page, from 0.
        size: frames per page.
    """
    kept = order if mask.all() else order[mask[order]]
    return kept[page * size : (page + 1) * size]


def listed(
    data: FrameSet | PairSet, contents: Contents, rows: Sequence[int] | np.ndarray
) -> pd.DataFrame:
    """Return a table of some frames or pairs.

    Args:
        data: the data set.
        contents: what it holds.
        rows: the frames, in order.

    Returns:
        Columns row, frame_id (of frames), material_id, formula, n_atoms and one per quantity of
        `contents`.
    """
    chosen = np.asarray(rows, dtype=np.intp)
    if isinstance(data, PairSet):
        table = data.table().iloc[chosen][["material_id", "formula"]]
    else:
        table = data.rows(chosen)[["frame_id", "material_id", "formula"]]
    table = table.reset_index(drop=True)
    table.insert(0, "row", chosen)
    table["n_atoms"] = contents.n_atoms[chosen]
    for key in contents.keys:
        table[key] = contents.quantity(key)[chosen].astype(np.float64)
    return table


def atoms_of(frame: Frame) -> pd.DataFrame:
    """Return one row per atom: element, fractional coordinates a, b and c, and its labels.

    Labels are columns of force (its size and components, eV/Å) and magmom (μB); none where missing.
    """
    table = pd.DataFrame({"element": [SYMBOLS[z - 1] for z in frame.atomic_numbers]})
    table[["a", "b", "c"]] = frame.frac_coords
    if frame.forces is not None:
        table["|force|, eV/Å"] = np.linalg.norm(frame.forces, axis=1)
        table[["Fx", "Fy", "Fz"]] = frame.forces
    if frame.magmoms is not None:
        table["magmom, μB"] = frame.magmoms
    return table
