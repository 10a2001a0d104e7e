"""Where structures lie among the known phases, all by one model.

Each structure is compared with the phases of a data set in its chemical system, whose energies are
the same model's, so that errors that a structure shares with its competitors cancel. Structures are
placed one by one: none competes with another one that was given.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.store import FrameSet
from core.progress import Progress, part, silent
from core.reference.formation.energies import ElementReferences, embedded_references
from core.stability.hulls import hulls
from core.stability.of_model import ModelEnergies, energies_as_given, own_elements
from core.stability.phases import Phases, phases_of, with_their_systems

_SAME = 1e-5
"""eV/atom by which energies of equal structures may differ."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Placement:
    """n structures among the known phases; NaN where one cannot be placed.

    Attributes:
        formation: formation energies, (n,) eV/atom.
        above_hull: energy above the hull of the known phases, (n,) eV/atom; negative for a
            structure below it, which would be a new stable phase.
        competing: the phases that the hull consists of there, with fractions of atoms, (n,)
            strings; its own formula where it is a known phase of the same composition.
        why: why one is not placed, (n,) strings; empty where it is.
        elements: where the elements' energies are from.
        n_phases: (n,) number of known phases in the structure's chemical system.
    """

    formation: NDArray[np.float64]
    above_hull: NDArray[np.float64]
    competing: NDArray[np.str_]
    why: NDArray[np.str_]
    elements: str
    n_phases: NDArray[np.int64]


def place(
    energies: ModelEnergies,
    data: FrameSet | PairSet,
    formulas: Sequence[str],
    fractions: NDArray[np.float64],
    values: NDArray[np.float64],
    *,
    progress: Progress = silent,
) -> Placement:
    """Place structures among the phases of a data set.

    Args:
        energies: the model; the phases of the data set are taken as they are.
        data: data set with the known structures.
        formulas: reduced formulas of the structures, n.
        fractions: their composition fractions, (n, 94).
        values: the model's energies of them, (n,) eV/atom; NaN where there is none.
        progress: receives the share that is done.

    Raises:
        LabError: if the model cannot be loaded.
    """
    source = energies.source
    known = phases_of(data)
    asked = np.concatenate([known.fractions, fractions])
    taking_part = with_their_systems(asked, np.arange(len(asked)) >= len(known))[: len(known)]
    known = known.take(taking_part)
    found, reasons = energies_as_given(energies.model, data, known.rows, part(progress, 0.0, 0.95))
    known = known.with_energies(found, source, reasons=reasons)
    elements = _elements(source.functional)
    references = None if elements.kind == "own" else elements
    n = len(formulas)
    formation, above = np.full(n, np.nan), np.full(n, np.nan)
    competing, why = [""] * n, [""] * n
    n_phases = np.zeros(n, dtype=np.int64)
    for row in range(n):
        one = Phases.of(
            formulas[row : row + 1], fractions[[row]], values[[row]], source, ids=["given"]
        )
        near = known.take(_within(known.fractions, fractions[row]))
        n_phases[row] = len(near)
        result = hulls(near.joined(one), references)
        place_of = len(near)
        if result.left_out[place_of]:
            why[row] = str(result.left_out[place_of])
            continue
        formation[row] = result.formation_energy[place_of]
        # Of an element's only phase there is no other to compare with: it is the hull.
        rest = result.without[place_of]
        distance = values[row] - rest if np.isfinite(rest) else 0.0
        # A known phase on the hull is predicted twice, in single precision.
        above[row] = 0.0 if abs(distance) < _SAME else distance
        # Below the mixture of other compositions lies a known phase of the structure's own.
        own = rest < result.others[place_of] - _SAME
        competing[row] = formulas[row] if own else result.competing_text(place_of)
    return Placement(
        formation=formation,
        above_hull=above,
        competing=np.array(competing, dtype=str),
        why=np.array(why, dtype=str),
        elements=elements.origin,
        n_phases=n_phases,
    )


def _within(known: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which phases hold no other elements than a structure, (m,) flags."""
    return np.asarray(~(known[:, wanted == 0] > 0).any(axis=1))


def _elements(functional: str) -> ElementReferences:
    """Return Materials Project's elements in a functional; the model's own where unknown."""
    try:
        return embedded_references(functional)
    except LabError:
        return own_elements(functional)
