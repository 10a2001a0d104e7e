"""MP2020 corrections of GGA and GGA+U energies, rebuilt from composition and structure.

Materials Project adds to its GGA/GGA+U energies an anion correction and, where U was used, one per
atom of the transition metal (Wang et al., Sci. Rep. 11, 15496 (2021),
doi:10.1038/s41598-021-94550-5). Where a data set has corrected energies only, the corrections are
computed again with pymatgen's MaterialsProject2020Compatibility and subtracted. Approximations:

- the run type is inferred as Materials Project chooses it: GGA+U for V, Cr, Mn, Fe, Co, Ni, Mo and
  W where O or F is the most electronegative element, else GGA;
- whether an oxide is a peroxide or superoxide, and whether sulfur is a sulfide, is read from the
  structure. Without one, pymatgen knows some formulas of peroxides and superoxides, and sulfur
  counts as a sulfide unless its guessed oxidation state is positive;
- the oxidation states of the other anions are pymatgen's guesses, as they are in the scheme itself.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from core.elements import INDEX, SYMBOLS, fractions_from_formulas
from core.errors import LabError
from core.frames.functionals import MIXED, canonical_functional
from core.frames.pairs import PairSet
from core.frames.schema import Frame, Structures
from core.frames.store import FrameSet
from core.progress import Progress, part, report, silent
from core.reference.shifts.pairs import PairedEnergies

FUNCTIONALS = frozenset({MIXED, "GGA", "GGA+U", "PBE", "PBE+U"})
"""Functionals whose energies take the corrections."""
_GUESSED = [INDEX[symbol] for symbol in ("Br", "I", "Se", "Si", "Sb", "Te", "H", "N", "F", "Cl")]
OXYGEN, SULFUR = INDEX["O"], INDEX["S"]
_MOST_SITES = 20
"""pymatgen guesses oxidation states of reduced formulas up to this many atoms."""

_LARGEST_FORMULA = 500
_CUTOFF = 1.05
"""Factor on bond lengths, that of MaterialsProject2020Compatibility itself."""
_LONGEST_BOND = 1.49
"""Bond of a peroxide, Å, the longest between two O that pymatgen looks for."""
_CHUNK = 200
_REPORT_EVERY = 50


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Correction:
    """The MP2020 correction of one composition and what was inferred for it.

    Attributes:
        value: corrected minus uncorrected energy, eV/atom.
        run_type: "GGA" or "GGA+U".
        terms: the scheme's terms that apply: types of anions such as "oxide", "S" or "F", and
            "U of Fe".
        is_guessed: whether oxidation states were needed and found; None where none were needed.
            Where they are not found, only the most electronegative element counts as an anion.
    """

    value: float
    run_type: str = "GGA"
    terms: tuple[str, ...] = ()
    is_guessed: bool | None = None


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class RebuiltCorrections:
    """MP2020 corrections of n materials.

    Attributes:
        corrections: corrected minus uncorrected energy (n,), eV/atom.
        by_structure: whether the type of oxide or sulfide was read from a structure, (n,).
    """

    corrections: np.ndarray
    by_structure: np.ndarray


def mp2020_corrections(
    formulas: Sequence[str] | np.ndarray,
    *,
    structures: Structures | None = None,
    rows: np.ndarray | None = None,
    progress: Progress = silent,
) -> RebuiltCorrections:
    """Return the MP2020 correction of each material.

    Args:
        formulas: chemical formulas, (n,).
        structures: the materials' structures; None uses compositions alone.
        rows: row of each material among the structures (n,); by default 0 to n − 1.
        progress: receives the share that is done.

    Raises:
        LabError: if a formula is not a composition of H to Pu.
    """
    codes, distinct = pd.factorize(np.asarray(formulas, dtype=object))
    compositions = fractions_from_formulas(distinct)
    anions = np.full(len(codes), "", dtype=object)
    share = 0.0
    if structures is not None:
        share = 0.5
        of_interest = (compositions[:, [OXYGEN, SULFUR]] > 0).any(axis=1)
        of_interest &= np.count_nonzero(compositions, axis=1) > 1
        wanted = np.flatnonzero(of_interest[codes])
        places = wanted if rows is None else np.asarray(rows)[wanted]
        read = part(progress, 0.0, share)
        for done, kinds in enumerate(_anions(structures, places)):
            anions[wanted[done]] = kinds
            if done % _REPORT_EVERY == 0:
                report(read, done, len(wanted), "Bonds of O and S in structures")
    # One calculation serves all rows of a composition with the same kinds of anions.
    joint, cases = pd.factorize(pd.Series(list(zip(codes, anions, strict=True)), dtype=object))
    compute = part(progress, share, 1.0)
    values = np.empty(len(cases))
    for done, (code, kinds) in enumerate(cases):
        values[done] = correction_of(compositions[code], kinds).value
        if done % _REPORT_EVERY == 0:
            report(compute, done, len(cases), "MP2020 corrections of compositions")
    return RebuiltCorrections(corrections=values[joint], by_structure=anions != "")


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class UncorrectedPairs:
    """Pairs whose source energies carry no MP2020 corrections.

    Attributes:
        pairs: the pairs.
        origin: where the uncorrected energies come from, in words.
        rebuilt: whether they are the corrected ones less corrections computed here.
    """

    pairs: PairedEnergies
    origin: str
    rebuilt: bool


def carries_corrections(pairs: PairedEnergies) -> bool:
    """Return whether the source energies carry MP2020 corrections that can be removed."""
    is_gga = canonical_functional(pairs.source_functional) in FUNCTIONALS
    return pairs.source_corrections == "MP2020" and is_gga


def without_corrections(
    pairs: PairedEnergies, data: FrameSet | PairSet, *, progress: Progress = silent
) -> UncorrectedPairs:
    """Return the pairs with uncorrected source energies: stored ones, else rebuilt ones.

    Stored energies are taken if the data set has them for all of the pairs; the two are never
    mixed.

    Args:
        pairs: pairs whose source energies carry the corrections.
        data: the data set whose rows `pairs.index` names.
        progress: receives the share that is done.

    Raises:
        LabError: if the source energies carry no MP2020 corrections.
    """
    if not carries_corrections(pairs):
        raise LabError(
            f"the {pairs.source_functional} energies are not known to carry MP2020 corrections, so "
            "none can be removed; choose corrected GGA/GGA+U energies as the source."
        )
    for origin, energies in _stored(pairs, data):
        source = energies[pairs.index]
        if np.isfinite(source).all():
            stored = replace(pairs, source=source, source_corrections="none")
            return UncorrectedPairs(pairs=stored, origin=origin, rebuilt=False)
    rebuilt = mp2020_corrections(
        pairs.formula, structures=data, rows=pairs.index, progress=progress
    )
    source = pairs.source - rebuilt.corrections
    by_structure = int(rebuilt.by_structure.sum())
    return UncorrectedPairs(
        pairs=replace(pairs, source=source, source_corrections="none"),
        origin="rebuilt: MP2020 corrections by pymatgen subtracted, with run types inferred; types "
        f"of O and S read from {by_structure:,} structures, else guessed from composition",
        rebuilt=True,
    )


def _stored(pairs: PairedEnergies, data: FrameSet | PairSet) -> Iterator[tuple[str, np.ndarray]]:
    """Yield origins and values of the data set's own uncorrected source energies."""
    if isinstance(data, FrameSet):
        yield (
            f"uncorrected energies of {data.card.name}",
            data.table()["uncorrected_energy_per_atom"].to_numpy(np.float64, na_value=np.nan),
        )
        return
    for energy in data.card.energies:
        same = (energy.functional, energy.labels) == (pairs.source_functional, pairs.source_labels)
        if same and energy.corrections == "none":
            yield f"column {energy.column}", data.energy(energy.column)


def _anions(structures: Structures, rows: np.ndarray) -> Iterator[str]:
    """Yield the types of O and S in each row's structure, "" where there is no structure."""
    for start in range(0, len(rows), _CHUNK):
        for frame in structures.frames(rows[start : start + _CHUNK].tolist()):
            yield "" if frame is None else anions_of(frame)


def anions_of(frame: Frame) -> str:
    """Return the types of O and S in a structure as pymatgen reads them, such as "oxide sulfate".

    pymatgen is asked only where its answer may be another than an oxide without bonds between its
    O, or a sulfide without elements more electronegative than S; a hydroxide counts as an oxide.
    """
    # pymatgen is slow to import.
    from pymatgen.analysis.structure_analyzer import (  # noqa: PLC0415
        oxide_type,
        sulfide_type,
    )
    from pymatgen.core import Structure  # noqa: PLC0415

    numbers = np.asarray(frame.atomic_numbers)
    oxide, sulfide = "None", None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if (numbers == OXYGEN + 1).any():
            oxide = "oxide"
            if _has_close_oxygen(frame):
                structure = Structure(frame.lattice, numbers.tolist(), frame.frac_coords)
                oxide = str(oxide_type(structure, _CUTOFF))
        if (numbers == SULFUR + 1).any():
            sulfide = "sulfide"
            if not set(numbers.tolist()) <= _beside_sulfides():
                structure = Structure(frame.lattice, numbers.tolist(), frame.frac_coords)
                sulfide = sulfide_type(structure)
    return f"{oxide} {sulfide or 'sulfate'}"


def _has_close_oxygen(frame: Frame) -> bool:
    """Return whether two O of a structure may be bound to each other."""
    from pymatgen.optimization.neighbors import find_points_in_spheres  # noqa: PLC0415

    fractional = np.ascontiguousarray(frame.frac_coords[frame.atomic_numbers == OXYGEN + 1])
    coords = fractional @ frame.lattice
    reach = 1.1 * _CUTOFF * _LONGEST_BOND
    lattice = np.ascontiguousarray(frame.lattice, dtype=float)
    distances = find_points_in_spheres(
        coords, coords, r=reach, pbc=np.ones(3, dtype=np.int64), lattice=lattice, tol=1e-8
    )[3]
    # Each O is its own neighbour at no distance.
    return len(distances) > len(coords)


@lru_cache(maxsize=1)
def _beside_sulfides() -> frozenset[int]:
    """Return the atomic numbers of the elements that are not more electronegative than S."""
    from pymatgen.core import Element  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return frozenset(
            number for number in range(1, 95) if Element.from_Z(number).X <= Element("S").X
        )


@lru_cache(maxsize=1)
def _scheme() -> Any:
    from pymatgen.analysis.compatibility import (  # noqa: PLC0415  slow to import
        MaterialsProject2020Compatibility,
    )

    return MaterialsProject2020Compatibility(check_potcar=False)


def hubbard_corrections(fractions: np.ndarray) -> np.ndarray:
    """Return what MP2020 adds to GGA+U energies for U alone, (n,) eV/atom.

    Args:
        fractions: composition fractions of the frames, (n, 94).
    """
    terms = np.zeros(fractions.shape[1])
    for symbol, value in _scheme().u_corrections["O"].items():
        terms[INDEX[symbol]] = value
    # The scheme has the same terms for oxides and fluorides.
    has_anion = (fractions[:, [OXYGEN, INDEX["F"]]] > 0).any(axis=1)
    return np.where(has_anion, fractions @ terms, 0.0)


def correction_of(fractions: np.ndarray, anions: str) -> Correction:
    """Return the correction of one composition.

    Args:
        fractions: composition fractions, (94,).
        anions: types of O and S as `anions_of` returns them; "" without a structure.
    """
    from pymatgen.core import Composition  # noqa: PLC0415  slow to import
    from pymatgen.entries.computed_entries import ComputedEntry  # noqa: PLC0415  the same

    present = np.flatnonzero(fractions)
    if len(present) == 1:
        return Correction(value=0.0)
    amounts = zip([SYMBOLS[i] for i in present], _whole(fractions[present]).tolist(), strict=True)
    # Among equal electronegativities (Si and Cu) the scheme takes the last element as the anion:
    # as in formulas, the alphabetically last one.
    composition = Composition(dict(sorted(amounts)))
    scheme = _scheme()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Sorted as by the scheme: a noble gas has no electronegativity, so that max may differ.
        by_strength = sorted(composition.elements, key=lambda element: element.X)
        strongest = by_strength[-1].symbol
        settings = scheme.u_settings.get(strongest, {})
        hubbards = {e.symbol: settings[e.symbol] for e in composition if e.symbol in settings}
        data: dict[str, Any] = {"oxidation_states": {}}
        if anions:
            data["oxide_type"], data["sulfide_type"] = anions.split()
        has_sulfur_alone = not anions and fractions[SULFUR] > 0
        needs_states = has_sulfur_alone or bool((fractions[_GUESSED] > 0).any())
        if needs_states:
            data["oxidation_states"] = _oxidation_states(composition)
        if has_sulfur_alone and data["oxidation_states"].get("S", 0) > 0:
            data["sulfide_type"] = "sulfate"
        run_type = "GGA+U" if hubbards else "GGA"
        entry = ComputedEntry(
            composition,
            0.0,
            parameters={"run_type": run_type, "hubbards": hubbards, "software": "unknown"},
            data=data,
        )
        adjustments = scheme.get_adjustments(entry)
    return Correction(
        value=float(sum(one.value for one in adjustments) / composition.num_atoms),
        run_type=run_type,
        terms=tuple(map(_term, adjustments)),
        is_guessed=bool(data["oxidation_states"]) if needs_states else None,
    )


def _term(adjustment: Any) -> str:
    """Return what an adjustment of the scheme is for."""
    kind = str(adjustment.name).rpartition("(")[2].rstrip(")")
    return f"U of {kind}" if "mixing" in adjustment.name else kind


def _oxidation_states(composition: Any) -> dict[str, float]:
    """Return the oxidation states that the scheme guesses; empty where it finds none."""
    try:
        guesses = composition.oxi_state_guesses(max_sites=-_MOST_SITES)
    except ValueError:
        return {}
    return guesses[0] if guesses else {}


def _whole(shares: np.ndarray) -> np.ndarray:
    """Return the smallest whole numbers in the ratio of the fractions, else the fractions."""
    multiples = np.arange(1, _LARGEST_FORMULA)[:, None] * shares
    fits = np.abs(multiples - multiples.round()).max(axis=1) < 1e-6 * len(shares)
    return multiples[int(np.argmax(fits))].round() if fits.any() else shares
