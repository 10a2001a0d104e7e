"""MP2020 corrections of GGA and GGA+U energies, rebuilt from composition and structure.

Materials Project adds to its GGA/GGA+U energies an anion correction and, where U was used, one an
atom of the transition metal (Wang et al., Sci. Rep. 11, 15496 (2021),
doi:10.1038/s41598-021-94550-5). Where a data set has the corrected energies only, this takes them
out again through pymatgen's MaterialsProject2020Compatibility. What is approximate:

- which calculation it was is inferred, as Materials Project chooses it: GGA+U for V, Cr, Mn, Fe,
  Co, Ni, Mo and W where O or F is the most electronegative element, else GGA;
- whether an oxide is a peroxide or superoxide, and whether sulfur is a sulfide's, is read from the
  structure. Without one, pymatgen knows some formulas of peroxides and superoxides, and sulfur
  counts as a sulfide's unless its guessed oxidation state is positive;
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
from core.frames.pairs import PairSet
from core.frames.schema import Frame, Structures
from core.frames.store import FrameSet
from core.progress import Progress, part, report, silent
from core.reference.shifts.pairs import PairedEnergies

_CORRECTED = frozenset({"gga/gga+u", "gga", "gga+u", "pbe", "pbe+u"})
_GUESSED = [INDEX[symbol] for symbol in ("Br", "I", "Se", "Si", "Sb", "Te", "H", "N", "F", "Cl")]
_OXYGEN, _SULFUR = INDEX["O"], INDEX["S"]
_MOST_SITES = 20
"""pymatgen guesses oxidation states of reduced formulas up to this many atoms."""

_LARGEST_FORMULA = 500
_CHUNK = 200
_TELL_EVERY = 50


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Rebuilt:
    """MP2020 corrections of n materials.

    Attributes:
        corrections: Corrected minus uncorrected energy (n,), eV/atom.
        by_structure: Rows (n,) whose oxide or sulfide was told apart by a structure.
    """

    corrections: np.ndarray
    by_structure: np.ndarray


def mp2020_corrections(
    formulas: Sequence[str] | np.ndarray,
    *,
    structures: Structures | None = None,
    rows: np.ndarray | None = None,
    progress: Progress = silent,
) -> Rebuilt:
    """Return the MP2020 correction of each material.

    Args:
        formulas: Chemical formulas, (n,).
        structures: Where the materials' structures are; None goes by composition alone.
        rows: Row of each material among the structures (n,); by default 0 to n − 1.
        progress: Told the share that is done.

    Raises:
        LabError: A formula that is no composition of H to Pu.
    """
    codes, distinct = pd.factorize(np.asarray(formulas, dtype=object))
    compositions = fractions_from_formulas(distinct)
    told = np.full(len(codes), "", dtype=object)
    share = 0.0
    if structures is not None:
        share = 0.5
        of_interest = (compositions[:, [_OXYGEN, _SULFUR]] > 0).any(axis=1)
        of_interest &= np.count_nonzero(compositions, axis=1) > 1
        wanted = np.flatnonzero(of_interest[codes])
        places = wanted if rows is None else np.asarray(rows)[wanted]
        first = part(progress, 0.0, share)
        for done, anions in enumerate(_anions(structures, places)):
            told[wanted[done]] = anions
            if done % _TELL_EVERY == 0:
                report(first, done, len(wanted), "Bonds of O and S in structures")
    # One calculation serves all rows of a composition with the same kinds of anions.
    joint, cases = pd.factorize(pd.Series(list(zip(codes, told, strict=True)), dtype=object))
    second = part(progress, share, 1.0)
    values = np.empty(len(cases))
    for done, (code, anions) in enumerate(cases):
        values[done] = _correction(compositions[code], anions)
        if done % _TELL_EVERY == 0:
            report(second, done, len(cases), "MP2020 corrections of compositions")
    return Rebuilt(corrections=values[joint], by_structure=told != "")


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Uncorrected:
    """Pairs whose source energies carry no MP2020 corrections any more.

    Attributes:
        pairs: The same materials.
        origin: Where the uncorrected energies come from, in words.
        rebuilt: Whether they are the corrected ones less corrections computed here.
    """

    pairs: PairedEnergies
    origin: str
    rebuilt: bool


def carries_corrections(pairs: PairedEnergies) -> bool:
    """Tell whether the source energies carry MP2020 corrections that can be taken out."""
    known = pairs.source_functional.strip().lower() in _CORRECTED
    return pairs.source_corrections == "MP2020" and known


def without_corrections(
    pairs: PairedEnergies, data: FrameSet | PairSet, *, progress: Progress = silent
) -> Uncorrected:
    """Return the pairs with uncorrected source energies: the data set's own, else rebuilt ones.

    The data set's own are taken if it has them for all of the pairs: never some of each.

    Args:
        pairs: Their source energies carry the corrections.
        data: The data set that `pairs.index` counts the rows of.
        progress: Told the share that is done.

    Raises:
        LabError: The source energies carry no MP2020 corrections.
    """
    if not carries_corrections(pairs):
        raise LabError(
            f"the {pairs.source_functional} energies are not known to carry MP2020 corrections, so "
            "none can be taken out; choose corrected GGA/GGA+U energies as the source."
        )
    for origin, energies in _stored(pairs, data):
        source = energies[pairs.index]
        if np.isfinite(source).all():
            own = replace(pairs, source=source, source_corrections="none")
            return Uncorrected(pairs=own, origin=origin, rebuilt=False)
    found = mp2020_corrections(pairs.formula, structures=data, rows=pairs.index, progress=progress)
    source = pairs.source - found.corrections
    by_structure = int(found.by_structure.sum())
    return Uncorrected(
        pairs=replace(pairs, source=source, source_corrections="none"),
        origin="rebuilt: MP2020 corrections by pymatgen taken out, with run types inferred; kinds "
        f"of O and S read from {by_structure:,} structures, else guessed from composition",
        rebuilt=True,
    )


def _stored(pairs: PairedEnergies, data: FrameSet | PairSet) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the data set's own uncorrected energies of the source, by origin."""
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
    """Tell of each row what its structure says of O and S, "" where there is no structure."""
    for start in range(0, len(rows), _CHUNK):
        for frame in structures.frames(rows[start : start + _CHUNK].tolist()):
            yield "" if frame is None else _anions_of(frame)


def _anions_of(frame: Frame) -> str:
    from pymatgen.analysis.structure_analyzer import (  # noqa: PLC0415  slow to import
        oxide_type,
        sulfide_type,
    )
    from pymatgen.core import Structure  # noqa: PLC0415  the same

    numbers = np.asarray(frame.atomic_numbers)
    structure = Structure(frame.lattice, numbers.tolist(), frame.frac_coords)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # The cutoff of MaterialsProject2020Compatibility itself.
        oxide = oxide_type(structure, 1.05) if (numbers == _OXYGEN + 1).any() else "None"
        sulfide = sulfide_type(structure) if (numbers == _SULFUR + 1).any() else None
    return f"{oxide} {sulfide or 'sulfate'}"


@lru_cache(maxsize=1)
def _scheme() -> Any:
    from pymatgen.analysis.compatibility import (  # noqa: PLC0415  slow to import
        MaterialsProject2020Compatibility,
    )

    return MaterialsProject2020Compatibility(check_potcar=False)


def _correction(fractions: np.ndarray, anions: str) -> float:
    """Return the correction of one composition (94,), eV/atom.

    Args:
        fractions: The composition.
        anions: What `_anions_of` says of a structure; "" if there is none.
    """
    from pymatgen.core import Composition  # noqa: PLC0415  slow to import
    from pymatgen.entries.computed_entries import ComputedEntry  # noqa: PLC0415  the same

    present = np.flatnonzero(fractions)
    if len(present) == 1:
        return 0.0
    amounts = zip([SYMBOLS[i] for i in present], _whole(fractions[present]), strict=True)
    # Among equal electronegativities (Si and Cu) the scheme takes the last element for the anion:
    # as in formulas, that is the last one of the alphabet.
    composition = Composition(dict(sorted(amounts)))
    scheme = _scheme()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        strongest = max(composition.elements, key=lambda element: element.X).symbol
        settings = scheme.u_settings.get(strongest, {})
        hubbards = {e.symbol: settings[e.symbol] for e in composition if e.symbol in settings}
        data: dict[str, Any] = {"oxidation_states": {}}
        if anions:
            data["oxide_type"], data["sulfide_type"] = anions.split()
        has_sulfur_alone = not anions and fractions[_SULFUR] > 0
        if has_sulfur_alone or (fractions[_GUESSED] > 0).any():
            data["oxidation_states"] = _oxidation_states(composition)
        if has_sulfur_alone and data["oxidation_states"].get("S", 0) > 0:
            data["sulfide_type"] = "sulfate"
        entry = ComputedEntry(
            composition,
            0.0,
            parameters={
                "run_type": "GGA+U" if hubbards else "GGA",
                "hubbards": hubbards,
                "software": "unknown",
            },
            data=data,
        )
        adjustments = scheme.get_adjustments(entry)
    return sum(one.value for one in adjustments) / composition.num_atoms


def _oxidation_states(composition: Any) -> dict[str, float]:
    """Guess as the scheme does; empty where there is no guess."""
    try:
        guesses = composition.oxi_state_guesses(max_sites=-_MOST_SITES)
    except ValueError:
        return {}
    return guesses[0] if guesses else {}


def _whole(shares: np.ndarray) -> list[float]:
    """Return the smallest whole numbers in the ratio of fractions; fractions if there are none."""
    multiples = np.arange(1, _LARGEST_FORMULA)[:, None] * shares
    fits = np.abs(multiples - multiples.round()).max(axis=1) < 1e-6 * len(shares)
    if not fits.any():
        return shares.tolist()
    return multiples[int(np.argmax(fits))].round().tolist()
