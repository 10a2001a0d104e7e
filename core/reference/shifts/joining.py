"""Join of two data sets of frames, in two functionals, into a data set of pairs.

One frame of each material of each data set counts: the one of lowest energy per atom, or the last
one. Two materials are a pair if they have

- the same material id, and the same composition;
- the same reduced formula, where in each data set the material of lowest energy per atom stands for
  the formula;
- the same reduced formula and the same structure by pymatgen's StructureMatcher with its default
  tolerances, which scales both cells to one volume. Where several structures match, those with the
  smallest RMS displacement are paired first, among equal ones those of lowest target energy, and
  each material is in one pair only.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
import pandas as pd

from core.errors import LabError
from core.frames.column_names import of_one_functional
from core.frames.pairs import write_pairs
from core.frames.registry import new_dataset_path
from core.frames.schema import DFT, Card, EnergyColumn, Frame
from core.frames.store import FrameSet
from core.progress import Progress, part, report, silent

if TYPE_CHECKING:
    from pymatgen.core import Structure

JoinRule = Literal["id", "formula", "structure"]
RULES: Final[dict[JoinRule, str]] = {
    "id": "by material id",
    "formula": "by reduced formula, of which the material of lowest energy per atom counts",
    "structure": "by reduced formula and structure (pymatgen's StructureMatcher), the smallest RMS "
    "displacement first, among equal ones the lowest target energy",
}
"""Rules by which materials are paired, in words."""

Kept = Literal["lowest", "last"]
KEPT: Final[dict[Kept, str]] = {
    "lowest": "the frame of lowest energy per atom",
    "last": "the last frame with an energy",
}
"""Which frame of a material counts, in words."""

_EVERY = 16
_DIGITS = 4


@dataclass(kw_only=True, frozen=True, slots=True)
class Join:
    """A joined data set and what is not in it.

    Attributes:
        card: card of the data set of pairs.
        left_out: reason to the number of materials that are in no pair.
    """

    card: Card
    left_out: dict[str, int]


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class _Side:
    """One frame per material of a data set.

    Attributes:
        data: the data set.
        rows: row of each material's frame, (m,).
        ids: material ids, (m,).
        formulas: reduced formulas, (m,).
        energies: (m,) eV/atom.
        n_without: materials without any energy.
    """

    data: FrameSet
    rows: np.ndarray
    ids: np.ndarray
    formulas: np.ndarray
    energies: np.ndarray
    n_without: int

    @property
    def name(self) -> str:
        return self.data.card.name


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class _Matches:
    """Places of paired materials on both sides, (n,) each.

    Attributes:
        source: places on the source's side.
        target: places on the target's side.
        n_different: materials of one id and two compositions.
        distances: RMS displacements, (n,); None unless structures were compared.
    """

    source: np.ndarray
    target: np.ndarray
    n_different: int = 0
    distances: np.ndarray | None = None


def join_frames(
    source: FrameSet,
    target: FrameSet,
    name: str,
    *,
    rule: JoinRule = "id",
    kept: Kept = "lowest",
    title: str = "",
    progress: Progress = silent,
) -> Join:
    """Write the pairs of two data sets of frames as a new data set.

    Args:
        source: frames in the source functional; the pairs have its structures and material ids.
        target: frames in the target functional.
        name: name of the new data set.
        rule: what makes two materials a pair.
        kept: which frame of a material counts.
        title: one line for people; by default the name.
        progress: receives the share that is done; an exception in it ends the join.

    Raises:
        LabError: if both are in one functional, nothing matches, or the name is taken.
    """
    directory = new_dataset_path(name)
    names = f"{source.card.name} and {target.card.name}"
    columns = _columns(names, source.card, target.card)
    if rule not in get_args(JoinRule) or kept not in get_args(Kept):
        raise LabError(
            f"{names} are joined by one of {', '.join(RULES)}, with one of {', '.join(KEPT)} of "
            "each material's frames; choose among these."
        )
    sides = (_side(source, kept), _side(target, kept))
    if rule == "id":
        matches = _by_id(*sides)
    elif rule == "formula":
        matches = _by_formula(*sides)
    else:
        matches = _by_structure(*sides, part(progress, 0.0, 0.9))
    if not len(matches.source):
        raise LabError(
            f"{names} have no material in common {RULES[rule].split(',')[0]}; choose another rule "
            f"({', '.join(RULES)})."
        )
    left_out = _left_out(sides, matches)
    table = _table(sides, matches, columns, rule)
    rows = sides[0].rows[matches.source]
    card = Card(
        name=name,
        title=title or name,
        description=_description(sides, len(table), left_out, rule, kept),
        kind="pairs",
        labels=DFT if {source.card.labels, target.card.labels} == {DFT} else "model",
        energies=list(columns),
        licence="; ".join(dict.fromkeys(filter(None, (source.card.licence, target.card.licence)))),
    )
    structures = _structures(source, rows, part(progress, 0.9, 1.0))
    return Join(card=write_pairs(directory, card, table, structures), left_out=left_out)


def _columns(names: str, source: Card, target: Card) -> tuple[EnergyColumn, EnergyColumn]:
    """Describe both columns of energies.

    Raises:
        LabError: if both are energies of one functional by one method.
    """
    first, second = source.frame_energy, target.frame_energy
    if of_one_functional(first, second):
        raise LabError(
            f"{names}: both energies are in {first.functional}, which is no pair of functionals; "
            "choose frames in a second functional."
        )
    chosen = [_column_name(first), _column_name(second)]
    if chosen[0] == chosen[1]:
        chosen = [
            f"{column}_{_slug(energy.labels)}"
            for column, energy in zip(chosen, (first, second), strict=True)
        ]
    return (
        first.model_copy(update={"column": chosen[0]}),
        second.model_copy(update={"column": chosen[1]}),
    )


def _column_name(energy: EnergyColumn) -> str:
    """Return a name that says functional, corrections and unit, as an import reads them."""
    corrections = {"MP2020": "_corrected", "none": "_uncorrected", "unknown": ""}
    return f"energy_per_atom_{_slug(energy.functional)}{corrections[energy.corrections]}"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _side(data: FrameSet, kept: Kept) -> _Side:
    """Choose one frame per material among those with an energy."""
    energies = data.energies()
    known = np.flatnonzero(np.isfinite(energies))
    codes = data.material_codes()
    # The first of each material in this order counts; among equal energies the earlier frame.
    order = known[np.lexsort((known, energies[known]))] if kept == "lowest" else known[::-1]
    _, first = np.unique(codes[order], return_index=True)
    rows = np.sort(order[first])
    return _Side(
        data=data,
        rows=rows,
        ids=data.material_ids()[rows],
        formulas=data.table()["formula"].to_numpy()[rows],
        energies=energies[rows],
        n_without=len(np.unique(codes)) - len(rows),
    )


def _by_id(source: _Side, target: _Side) -> _Matches:
    places = pd.Index(target.ids).get_indexer(pd.Index(source.ids))
    ours = np.flatnonzero(places >= 0)
    theirs = places[ours]
    # Reduced formulas are equal where the compositions are.
    same = source.formulas[ours] == target.formulas[theirs]
    return _Matches(
        source=ours[same], target=theirs[same], n_different=int(np.count_nonzero(~same))
    )


def _by_formula(source: _Side, target: _Side) -> _Matches:
    lowest = []
    for side in (source, target):
        order = np.argsort(side.energies, kind="stable")
        formulas, first = np.unique(side.formulas[order].astype(str), return_index=True)
        lowest.append(pd.Series(order[first], index=formulas))
    both = lowest[0].index.intersection(lowest[1].index)
    ours, theirs = (one.loc[both].to_numpy() for one in lowest)
    order = np.argsort(ours)
    return _Matches(source=ours[order], target=theirs[order])


def _by_structure(source: _Side, target: _Side, progress: Progress) -> _Matches:
    # pymatgen is slow to import.
    from pymatgen.analysis.structure_matcher import StructureMatcher  # noqa: PLC0415

    matcher = StructureMatcher()
    members = [
        pd.Series(np.arange(len(side.rows))).groupby(side.formulas).indices
        for side in (source, target)
    ]
    shared = [formula for formula in members[0] if formula in members[1]]
    total = sum(len(members[0][one]) * len(members[1][one]) for one in shared)
    found: list[tuple[float, int, int]] = []
    done = 0
    for formula in shared:
        structures = [
            {place: _structure(side.data.frame(side.rows[place])) for place in of_side[formula]}
            for side, of_side in zip((source, target), members, strict=True)
        ]
        for ours, first in structures[0].items():
            for theirs, second in structures[1].items():
                if done % _EVERY == 0:
                    report(progress, done, total, "Structures compared")
                done += 1
                if matcher.fit(first, second) and (rms := matcher.get_rms_dist(first, second)):
                    found.append((float(rms[0]), int(ours), int(theirs)))
    pairs: dict[int, tuple[int, float]] = {}
    taken: set[int] = set()
    # Equal structures differ by rounding only.
    found.sort(key=lambda one: (round(one[0], _DIGITS), target.energies[one[2]], one))
    for distance, ours, theirs in found:
        if ours not in pairs and theirs not in taken:
            pairs[ours] = theirs, distance
            taken.add(theirs)
    order = sorted(pairs)
    return _Matches(
        source=np.array(order, dtype=np.intp),
        target=np.array([pairs[place][0] for place in order], dtype=np.intp),
        distances=np.array([pairs[place][1] for place in order]),
    )


def _left_out(sides: tuple[_Side, _Side], matches: _Matches) -> dict[str, int]:
    """Count materials that are in no pair, by reason."""
    counts: Counter[str] = Counter()
    for side in sides:
        single = len(side.rows) - len(matches.source) - matches.n_different
        counts[f"of {side.name} without a partner"] = single
        counts[f"of {side.name} without an energy"] = side.n_without
    counts["of one id and different compositions"] = matches.n_different
    return {reason: n for reason, n in counts.items() if n}


def _table(
    sides: tuple[_Side, _Side],
    matches: _Matches,
    columns: tuple[EnergyColumn, EnergyColumn],
    rule: JoinRule,
) -> pd.DataFrame:
    source, target = sides
    data = {
        "material_id": source.ids[matches.source],
        "formula": source.formulas[matches.source],
        columns[0].column: source.energies[matches.source],
        columns[1].column: target.energies[matches.target],
    }
    if rule != "id":
        data["target_material_id"] = target.ids[matches.target]
    if matches.distances is not None:
        data["rms_displacement"] = matches.distances
    return pd.DataFrame(data)


def _description(
    sides: tuple[_Side, _Side], n: int, left_out: dict[str, int], rule: JoinRule, kept: Kept
) -> str:
    source, target = sides
    text = (
        f"{n:,} materials of {source.name} and {target.name}, paired {RULES[rule]}. Of each "
        f"material {KEPT[kept]} counts. Structures and material ids are those of {source.name}."
    )
    reasons = [f"{count:,} {reason}" for reason, count in left_out.items()]
    return f"{text} Left out: {', '.join(reasons)}." if reasons else text


def _structures(data: FrameSet, rows: np.ndarray, progress: Progress) -> Iterator[Frame]:
    """Yield the structures of some rows without labels."""
    for done, row in enumerate(rows.tolist()):
        if done % _EVERY == 0:
            report(progress, done, len(rows), "Structures written")
        frame = data.frame(row)
        yield Frame(
            frame_id=frame.frame_id,
            material_id=frame.material_id,
            atomic_numbers=frame.atomic_numbers,
            frac_coords=frame.frac_coords,
            lattice=frame.lattice,
        )


def _structure(frame: Frame) -> "Structure":
    from pymatgen.core import Structure  # noqa: PLC0415  slow to import

    return Structure(frame.lattice, frame.atomic_numbers.tolist(), frame.frac_coords)
