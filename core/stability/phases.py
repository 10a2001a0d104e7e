"""Phases: materials with one energy each, all from one source.

A hull compares energies, so all of its phases have the same functional, corrections, labels, model
and relaxation. A mixture of functionals, or of corrected and uncorrected energies, gives hulls that
mean nothing (mp-api #1104, pymatgen #3113).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
import pandas as pd

from core.elements import SYMBOLS
from core.errors import LabError
from core.frames.functionals import same_functional
from core.frames.pairs import PairSet
from core.frames.provenance import CORRECTIONS, origin
from core.frames.schema import DFT, Corrections, EnergyColumn
from core.frames.store import FrameSet
from core.reference.fits.isolated import is_isolated
from core.reference.shifts.pairs import default_energy

_BLOCK = 256
"""Systems that are compared with all others together."""

AS_GIVEN = "as given"
"""Energies of the structures as they are in the data set, not relaxed."""


@dataclass(kw_only=True, frozen=True, slots=True)
class EnergySource:
    """Whose energies they are.

    Attributes:
        functional: level of theory.
        corrections: whether MP2020 corrections are in them.
        labels: "dft", or the name of the model that computed them.
        model: SHA-256 of that model's weights where they are its own predictions.
        relaxation: how the structures were relaxed, in words.
    """

    functional: str
    corrections: Corrections = "unknown"
    labels: str = DFT
    model: str | None = None
    relaxation: str = AS_GIVEN

    @classmethod
    def of(cls, column: EnergyColumn) -> Self:
        """Return the source of a column of labels."""
        return cls(
            functional=column.functional, corrections=column.corrections, labels=column.labels
        )

    @property
    def text(self) -> str:
        """The source in words."""
        words = f"{self.functional} by {origin(self.labels)}, {CORRECTIONS[self.corrections]}"
        return words if self.relaxation == AS_GIVEN else f"{words}, relaxed with {self.relaxation}"


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Phases:
    """Phases with energies from one source.

    Attributes:
        ids: unique names, (n,) strings.
        formulas: reduced formulas, (n,) strings.
        fractions: composition fractions, (n, 94).
        energies: total energies, (n,) eV/atom; NaN for a phase without one, which is listed but in
            no hull.
        rows: row of the data set that has each phase's structure, (n,); −1 where there is none.
        reasons: why a phase has no energy, (n,) strings; empty where it has one.
        source: whose energies they are.
    """

    ids: np.ndarray
    formulas: np.ndarray
    fractions: np.ndarray
    energies: np.ndarray
    rows: np.ndarray
    reasons: np.ndarray
    source: EnergySource

    def __len__(self) -> int:
        """Return the number of phases."""
        return len(self.ids)

    @classmethod
    def of(
        cls,
        formulas: Sequence[str] | np.ndarray,
        fractions: np.ndarray,
        energies: np.ndarray,
        source: EnergySource,
        *,
        ids: Sequence[str] | np.ndarray | None = None,
    ) -> Self:
        """Return phases from arrays; without ids they are numbered from 1."""
        n = len(formulas)
        energies = np.asarray(energies, dtype=np.float64)
        return cls(
            ids=np.asarray([str(i + 1) for i in range(n)] if ids is None else ids, dtype=object),
            formulas=np.asarray(formulas, dtype=object),
            fractions=np.asarray(fractions, dtype=np.float64),
            energies=energies,
            rows=np.full(n, -1),
            reasons=np.where(np.isfinite(energies), "", "it has no energy").astype(object),
            source=source,
        )

    @property
    def systems(self) -> np.ndarray:
        """Chemical system of each phase, such as Co-Li-O, (n,) strings."""
        present = self.fractions > 0
        codes, first = group(np.packbits(present, axis=1))
        names = np.empty(len(first), dtype=object)
        names[:] = ["-".join(sorted(SYMBOLS[z] for z in np.flatnonzero(present[i]))) for i in first]
        return np.asarray(names[codes])

    def with_energies(
        self, energies: np.ndarray, source: EnergySource, *, reasons: np.ndarray | None = None
    ) -> Self:
        """Return the same phases with energies from another source.

        Args:
            energies: (n,) eV/atom, NaN where there is none.
            source: whose energies they are.
            reasons: why there is none, (n,) strings.
        """
        why = np.full(len(self), "it has no energy", dtype=object) if reasons is None else reasons
        why = np.where(np.isfinite(energies), "", why)
        return replace(self, energies=energies, source=source, reasons=why)

    def take(self, places: np.ndarray) -> Self:
        """Return some of the phases, by flags (n,) or places (m,)."""
        return type(self)(
            **{name: values[places] for name, values in _arrays(self).items()}, source=self.source
        )

    def joined(self, other: "Phases") -> Self:
        """Return these phases and others of the same source.

        Raises:
            LabError: if the energies are from different sources.
        """
        if problem := mixture_problem(self.source, other.source):
            raise LabError(problem)
        of_other = _arrays(other)
        return type(self)(
            **{
                name: np.concatenate([values, of_other[name]])
                for name, values in _arrays(self).items()
            },
            source=self.source,
        )


def _arrays(phases: Phases) -> dict[str, np.ndarray]:
    names = (field.name for field in fields(phases) if field.name != "source")
    return {name: getattr(phases, name) for name in names}


def mixture_problem(first: EnergySource, second: EnergySource) -> str:
    """Return why energies of two sources cannot meet in one hull; empty if they can."""
    for what, one, other in (
        ("functionals", first.functional, second.functional),
        (
            "corrections",
            CORRECTIONS[first.corrections],
            CORRECTIONS[second.corrections],
        ),
        ("origins of labels", origin(first.labels), origin(second.labels)),
        ("models", first.model, second.model),
        ("relaxations", first.relaxation, second.relaxation),
    ):
        if one != other and not (what == "functionals" and same_functional(str(one), str(other))):
            return (
                f"One hull cannot hold energies of two {what} ({one}; {other}), because their "
                "differences are not reaction energies; make one hull for each."
            )
    return ""


def phases_of(data: FrameSet | PairSet, column: str | None = None) -> Phases:
    """Return the phases of a data set: of each material the frame, or pair, of lowest energy.

    Frames of one material with different formulas are different phases.

    Args:
        data: frames or pairs.
        column: of pairs: the column of energies; None takes the default target column.

    Raises:
        LabError: if there is no such column, or one is named for frames.
    """
    if isinstance(data, PairSet):
        origin_ = data.card.energy_column(column or default_energy(data.card))
        energies = data.energy(origin_.column)
        formulas = data.table()["formula"].to_numpy(dtype=object)
    elif column is not None:
        raise LabError(
            f"{data.card.name}: holds frames, which have one energy; leave out --column."
        )
    else:
        origin_, energies, formulas = data.card.frame_energy, data.energies(), data.formulas()
    isolated = _isolated(data)
    energies = energies.copy()
    energies[isolated] = np.nan
    chosen = _lowest(data.material_ids(), formulas, energies)
    ids = np.asarray(data.material_ids(), dtype=object)[chosen].astype(object)
    names = pd.Series(ids)
    several = names.duplicated(keep=False).to_numpy()
    ids[several] = [
        f"{name} {formula}"
        for name, formula in zip(ids[several], formulas[chosen][several], strict=True)
    ]
    phases = Phases.of(
        formulas[chosen],
        data.fractions()[chosen],
        energies[chosen],
        EnergySource.of(origin_),
        ids=ids,
    )
    is_isolated_atom = np.isin(chosen, isolated)
    reasons = np.where(is_isolated_atom, "an isolated atom is no phase", phases.reasons)
    return replace(phases, rows=chosen, reasons=reasons)


def of_materials(phases: Phases, data: FrameSet | PairSet, rows: np.ndarray) -> np.ndarray:
    """Return which phases are of the materials in some rows of their data set, (n,) flags.

    Args:
        phases: all phases of the data set.
        data: the data set.
        rows: (m,) rows of it.
    """
    materials = pd.Series(data.material_ids())
    return materials.iloc[phases.rows].isin(materials.iloc[rows].unique()).to_numpy()


def with_their_systems(fractions: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return which phases lie in the chemical system of any chosen one, (n,) flags.

    Args:
        fractions: composition fractions, (n, 94).
        chosen: flags, (n,).
    """
    present = fractions > 0
    numbers, first = group(present)
    systems = present[first].astype(np.float32)
    wanted = systems[np.unique(numbers[chosen])]
    within = np.zeros(len(first), dtype=bool)
    for begin in range(0, len(wanted), _BLOCK):
        shared = wanted[begin : begin + _BLOCK] @ systems.T
        within |= (shared == systems.sum(axis=1)).any(axis=0)
    return np.asarray(within[numbers])


def _isolated(data: FrameSet | PairSet) -> np.ndarray:
    """Return the rows that are an atom far from its images."""
    single = np.flatnonzero(data.n_atoms() == 1)
    frames = data.frames(single)
    flags = [frame is not None and is_isolated(frame) for frame in frames]
    return np.asarray(single[np.array(flags, dtype=bool)])


def _lowest(materials: np.ndarray, formulas: np.ndarray, energies: np.ndarray) -> np.ndarray:
    """Return the row of lowest energy of each material and formula, in the order of appearance."""
    table = pd.DataFrame({"material": materials, "formula": formulas, "energy": energies})
    first = table.groupby(["material", "formula"], sort=False).ngroup()
    order = table.assign(group=first).sort_values(["group", "energy"], kind="stable")
    return np.asarray(order.drop_duplicates("group").index)


def group(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each distinct row in the order of appearance, and where it is first.

    Args:
        rows: (n, …).

    Returns:
        Numbers (n,) and places (m,).
    """
    if not rows.size:
        return np.zeros(len(rows), dtype=np.intp), np.zeros(min(len(rows), 1), dtype=np.intp)
    width = rows.shape[1] * rows.itemsize
    whole = np.ascontiguousarray(rows).view(np.dtype((np.void, width))).ravel()
    codes, _ = pd.factorize(np.array(whole.tolist(), dtype=object))
    _, first = np.unique(codes, return_index=True)
    return codes, first
