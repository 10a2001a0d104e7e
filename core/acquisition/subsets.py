"""Subsets of a data set: at random, by material, or by coverage of elements.

- random: frames at random.
- material: materials at random, with all of their frames.
- coverage: materials in the order in which each adds most to the coverage of elements and pairs of
  elements, as `core.acquisition.coverage` defines it. Frames are taken in rounds over this order,
  first one frame of each material, then a second one.

With the same seed, a smaller choice is part of a larger one.
"""

import heapq
from itertools import combinations
from typing import Literal, get_args

import numpy as np
import pandas as pd

from core.acquisition.coverage import PAIRS, RARE
from core.errors import LabError
from core.frames.contents.filters import FrameFilter, Part, chosen_rows
from core.frames.contents.numbers import contents_of
from core.frames.registry import new_dataset_path, write_subset
from core.frames.schema import Card
from core.frames.splits import seeded_rank
from core.frames.store import FrameSet
from core.progress import Progress, report, silent

SubsetRule = Literal["random", "material", "coverage"]
RULES: dict[SubsetRule, str] = {
    "random": "frames at random",
    "material": "materials at random, with all of their frames",
    "coverage": "materials in the order in which each adds most to the coverage of elements and "
    "pairs of elements, in rounds of one frame per material",
}
"""Rules by which a subset is chosen, in words."""

_EVERY = 1000


def make_subset(
    data: FrameSet,
    name: str,
    *,
    conditions: FrameFilter | None = None,
    part: Part | None = None,
    rule: SubsetRule = "random",
    n: int | None = None,
    seed: int = 0,
    title: str = "",
    progress: Progress = silent,
) -> Card:
    """Write a subset of a data set as a new data set that holds no copies.

    Args:
        data: data set of frames.
        name: name of the new data set.
        conditions: conditions that its frames meet.
        part: part of the split that its frames are of.
        rule: how frames are chosen among these.
        n: number of frames, of materials by the rule "material"; None for all.
        seed: seed of what is drawn at random.
        title: one line for people; by default the name.
        progress: receives the share that is done.

    Raises:
        LabError: if the name is taken, or there are not as many frames or materials.
    """
    new_dataset_path(name)  # a mistake in the name is told before the work
    rows = chosen_rows(data, conditions, part, progress=progress)
    of_rows = [conditions.text if conditions else "", f"of the {part} set" if part else ""]
    described = f" {', '.join(filter(None, of_rows))}" if any(of_rows) else ""
    text = f"all frames{described}"
    if n is not None:
        found = choose_rows(data, rows, rule=rule, n=n, seed=seed, progress=progress)
        counted = "materials" if rule == "material" else "frames"
        text = f"{n:,} {counted} of the {len(rows):,} frames{described}, {RULES[rule]}"
        text += f" (seed {seed})"
        rows = found
    return write_subset(
        data,
        rows,
        name=name,
        title=title,
        description=f"{len(rows):,} of the {len(data):,} frames of {data.card.name}: {text}.",
    )


def choose_rows(
    data: FrameSet,
    rows: np.ndarray,
    *,
    rule: SubsetRule,
    n: int,
    seed: int = 0,
    progress: Progress = silent,
) -> np.ndarray:
    """Choose rows among rows of a data set, (m,) integers, sorted; arguments of `make_subset`.

    Raises:
        LabError: if the rule is not known, or there are not as many frames or materials.
    """
    if rule not in get_args(SubsetRule):
        raise LabError(f"{rule!r} is no rule for subsets; choose one of {', '.join(RULES)}.")
    materials, first = np.unique(data.material_codes()[rows], return_index=True)
    most, counted = (len(materials), "materials") if rule == "material" else (len(rows), "frames")
    if not 1 <= n <= most:
        raise LabError(
            f"{data.card.name}: {n:,} {counted} were asked for; choose between 1 and {most:,}."
        )
    if rule == "random":
        return np.sort(np.random.default_rng(seed).permutation(rows)[:n])
    codes = np.searchsorted(materials, data.material_codes()[rows])
    rank = seeded_rank(data.material_ids()[rows[first]], f"subset {seed}")
    if rule == "material":
        return np.asarray(rows[rank[codes] < n])
    systems = contents_of(data)
    of_material = systems.group_system[systems.group[rows[first]]]
    order = coverage_order(systems.systems, of_material, rank, n, progress=progress)
    place = np.full(len(materials), len(materials))
    place[order] = np.arange(len(order))
    turn = pd.Series(codes).groupby(codes).cumcount().to_numpy()
    return np.sort(rows[np.lexsort((place[codes], turn))[:n]])


def coverage_order(
    systems: np.ndarray,
    of_material: np.ndarray,
    rank: np.ndarray,
    n: int,
    *,
    progress: Progress = silent,
) -> np.ndarray:
    """Return materials in the order in which each adds most to the coverage.

    Materials of one chemical system add the same, so a system is looked at once per material; and
    as no gain grows, only the systems at the head of a heap are (Minoux, Lect. Notes Control Inf.
    Sci. 7, 234 (1978), doi:10.1007/BFb0006528).

    Args:
        systems: which elements each chemical system contains, (s, 94) booleans.
        of_material: system of each material, (m,) integers.
        rank: order among the materials of one system, (m,) integers.
        n: number of materials, at most m.
        progress: receives the share that is done.
    """
    coverage = _Coverage()
    waiting: dict[int, list[int]] = {}
    for material in np.argsort(-rank).tolist():
        waiting.setdefault(int(of_material[material]), []).append(material)
    units = {system: _units(np.flatnonzero(systems[system]).tolist()) for system in waiting}
    heap = [(-coverage.gain(units[system]), system) for system in waiting]
    heapq.heapify(heap)
    order: list[int] = []
    while heap and len(order) < n:
        _, system = heap[0]
        gain = coverage.gain(units[system])
        if len(heap) > 1 and (-gain, system) > min(heap[1:3]):
            heapq.heapreplace(heap, (-gain, system))
            continue
        order.append(waiting[system].pop())
        coverage.add(units[system])
        if waiting[system]:
            heapq.heapreplace(heap, (-coverage.gain(units[system]), system))
        else:
            heapq.heappop(heap)
        if len(order) % _EVERY == 0:
            report(progress, len(order), n, "Materials chosen by coverage")
    return np.array(order, dtype=np.int64)


_Unit = tuple[int, ...]
"""An element, or a pair of elements."""


class _Coverage:
    """How well elements and pairs are covered; the same sums as those of `ByComposition`."""

    def __init__(self) -> None:
        self._covered: dict[_Unit, float] = {}

    def gain(self, units: dict[_Unit, float]) -> float:
        """Return what a material of these units, with their weights, adds."""
        total = 0.0
        for unit, weight in units.items():
            half, importance = (float(RARE), 1.0) if len(unit) == 1 else (1.0, PAIRS)
            before = half + self._covered.get(unit, 0.0)
            total += importance * half * weight / (before * (before + weight))
        return total

    def add(self, units: dict[_Unit, float]) -> None:
        """Count a material as chosen."""
        for unit, weight in units.items():
            self._covered[unit] = self._covered.get(unit, 0.0) + weight


def _units(elements: list[int]) -> dict[_Unit, float]:
    """Return the units of a set of elements with their weights, those of the pairs in sum 1."""
    pairs = list(combinations(elements, 2))
    return {(element,): 1.0 for element in elements} | dict.fromkeys(pairs, 1 / max(len(pairs), 1))
