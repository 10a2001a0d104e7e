"""Structures that occur twice: in one part of the split, or in two.

A split by material keeps all frames of a material in one part. The same structure under another id,
as where every frame has an id of its own, gets around it, and the test then measures memory.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.frames.findings import Finding
from core.frames.pairs import PairSet
from core.frames.schema import EnergyColumn
from core.frames.splits import Split
from core.frames.store import FrameSet

_OTHER = 0.005
"""eV/atom by which energies of one structure must differ to contradict each other."""

_PAIRS = 60
"""Pairs of structures that are compared."""

_ASKED, _KNOWN = 300, 50
"""Held-out materials, and training materials per formula, that pairs are chosen from."""

_LARGEST = 60
"""Atoms up to which structures are compared."""

_LEAKS = 0.05
"""Share of held-out materials with a twin among the training frames, from which they are reported;
polymorphs that a comparison takes for one another are fewer."""


def repeat_findings(
    data: FrameSet, structure: NDArray[np.uint64], rows: NDArray[np.integer]
) -> list[Finding]:
    """Report frames that repeat an earlier one, with its energy or with another one.

    Args:
        data: the data set.
        structure: equal for equal structures, (n,).
        rows: rows that are checked.
    """
    table = pd.DataFrame({"row": rows, "key": structure[rows], "energy": data.energies()[rows]})
    table["formula"] = data.formulas()[rows]
    groups = table.groupby(["key", "formula"], sort=False)
    again = table["row"][groups.cumcount() > 0].to_numpy()
    if not len(again):
        return []
    spread = groups["energy"].transform("max") - groups["energy"].transform("min")
    disputed = table["row"][(spread > _OTHER).to_numpy()].to_numpy()
    findings = []
    if len(disputed):
        findings.append(
            Finding(
                kind="contradictions",
                severity="warning",
                message=f"{len(disputed):,} frames are the same structure as another one and have "
                f"another energy, by up to {spread.max():.3g} eV/atom: two settings are mixed, or "
                "energies belong to other frames.",
                remedy="Keep one of each, or import each setting as a data set of its own.",
                cost=float(500 * spread[spread > _OTHER].median()),
                rows=disputed.tolist(),
            )
        )
    copies = np.setdiff1d(again, disputed)
    if len(copies):
        findings.append(
            Finding(
                kind="duplicates",
                severity="warning" if len(copies) > 0.01 * len(rows) else "info",
                message=f"{len(copies):,} of {len(rows):,} frames repeat an earlier one, and count "
                "twice in the loss.",
                remedy="Leave the copies out.",
                rows=copies.tolist(),
            )
        )
    return findings


def pair_repeat_findings(data: PairSet, columns: Sequence[EnergyColumn]) -> list[Finding]:
    """Report materials that occur twice, with the same energies or with others."""
    if not columns:
        return []
    table = data.table()[["material_id", "formula"]].copy()
    for one in columns:
        table[one.column] = np.round(data.energy(one.column), 6)
    names = [one.column for one in columns]
    complete = table[names].notna().all(axis=1).to_numpy()
    copies = table.duplicated(["formula", *names], keep="first").to_numpy() & complete
    again = table.duplicated("material_id", keep="first").to_numpy() & ~copies
    findings = []
    if again.any():
        findings.append(
            Finding(
                kind="contradictions",
                severity="warning",
                message=f"{int(again.sum()):,} rows have the material id of an earlier one and "
                "other energies.",
                remedy="Keep one row per material.",
                rows=np.flatnonzero(again).tolist(),
            )
        )
    if copies.any():
        n = int(copies.sum())
        findings.append(
            Finding(
                kind="duplicates",
                severity="warning" if n > 0.01 * len(data) else "info",
                message=f"{n:,} of {len(data):,} rows repeat an earlier one: the same formula and "
                "the same energies.",
                remedy="Leave the copies out, which count twice.",
                rows=np.flatnonzero(copies).tolist(),
            )
        )
    return findings


def leak_findings(data: FrameSet, structure: NDArray[np.uint64], split: Split) -> list[Finding]:
    """Report held-out frames whose structure is also among the training frames.

    Equal structures are found among all frames. Of materials that share a formula with a training
    material, up to 60 are compared by pymatgen's StructureMatcher, which sees through strain and
    displacements.

    Args:
        data: the data set.
        structure: equal for equal structures, (n,).
        split: the parts.
    """
    held_out = np.concatenate([split.validation, split.test])
    if not len(held_out) or not len(split.train):
        return []
    formulas = pd.Series(data.formulas())
    of = {"key": structure, "formula": formulas}
    trained = pd.MultiIndex.from_frame(pd.DataFrame(of).iloc[split.train])
    there = pd.MultiIndex.from_frame(pd.DataFrame(of).iloc[held_out]).isin(trained)
    if there.any():
        n = int(there.sum())
        return [
            Finding(
                kind="leak",
                severity="error" if n > _LEAKS * len(held_out) else "warning",
                message=f"{n:,} of {len(held_out):,} validation and test frames are also among the "
                "training frames, under another material id.",
                remedy="Leave them out, or give all frames of a material one material id.",
                rows=held_out[there].tolist(),
            )
        ]
    return _twins(data, split.train, held_out)


def _twins(
    data: FrameSet, train: NDArray[np.integer], held_out: NDArray[np.integer]
) -> list[Finding]:
    """Compare structures of held-out materials with training materials of the same formula."""
    sizes, volumes = data.n_atoms(), data.volumes_per_atom()
    table = pd.DataFrame(
        {"formula": data.formulas(), "material": data.material_codes(), "volume": volumes}
    )
    known = table.iloc[train].assign(row=train).drop_duplicates("material")
    asked = table.iloc[held_out].assign(row=held_out).drop_duplicates("material")
    # Thousands of frames of one formula would make millions of pairs.
    asked = asked.sample(min(_ASKED, len(asked)), random_state=0)
    known = known.groupby("formula").head(_KNOWN)
    n_asked = len(asked)
    candidates = asked.merge(known, on="formula", suffixes=("", "_known"))
    small = (sizes[candidates["row"]] <= _LARGEST) & (sizes[candidates["row_known"]] <= _LARGEST)
    candidates = candidates[small]
    if candidates.empty:
        return []
    # The training material nearest in volume stands for all of the same formula.
    distance = np.abs(np.log(candidates["volume"] / candidates["volume_known"]))
    nearest = candidates.assign(distance=distance).sort_values("distance", kind="stable")
    nearest = nearest.drop_duplicates("material")
    chosen = nearest.sample(min(_PAIRS, len(nearest)), random_state=0)
    rows = chosen[["row", "row_known"]].to_numpy().tolist()
    alike = [_are_alike(data, first, second) for first, second in rows]
    share = float(np.mean(alike)) * len(nearest) / n_asked
    if share <= _LEAKS or sum(alike) < 2:
        return []
    return [
        Finding(
            kind="leak",
            severity="warning",
            message=f"About {share:.0%} of the validation and test materials are also among the "
            f"training materials under another id ({sum(alike)} of {len(alike)} compared by "
            "StructureMatcher): errors on them measure memorization.",
            remedy="Give all frames of a material one material id when you import them (--map "
            "material_id=COLUMN); the split then keeps them together.",
        )
    ]


def _are_alike(data: FrameSet, first: int, second: int) -> bool:
    # Only this needs pymatgen's matcher, which takes a second to import.
    from pymatgen.analysis.structure_matcher import StructureMatcher  # noqa: PLC0415
    from pymatgen.core import Structure  # noqa: PLC0415

    frames = [data.frame(row) for row in (first, second)]
    pair = [Structure(one.lattice, one.atomic_numbers.tolist(), one.frac_coords) for one in frames]
    return bool(StructureMatcher().fit(pair[0], pair[1]))
