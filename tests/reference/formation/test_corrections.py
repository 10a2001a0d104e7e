"""MP2020 corrections against the published numbers and against pymatgen on whole structures."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pymatgen.analysis.compatibility import MaterialsProject2020Compatibility
from pymatgen.core import Structure
from pymatgen.entries.computed_entries import ComputedStructureEntry

from core.elements import fractions_from_formulas
from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.registry import open_dataset
from core.frames.schema import Card, EnergyColumn, Frame
from core.frames.store import open_frames, write_frames
from core.reference.formation import corrections
from core.reference.formation.corrections import (
    carries_corrections,
    mp2020_corrections,
    without_corrections,
)
from core.reference.shifts.pairs import PairedEnergies

# Wang et al., Sci. Rep. 11, 15496 (2021): eV an atom of the element.
OXIDE, PEROXIDE, SUPEROXIDE = -0.687, -0.465, -0.161
S, F, CL, N, SI, SB, H = -0.503, -0.462, -0.614, -0.361, 0.071, -0.192, -0.179
FE, MN, MO, V = -2.256, -1.668, -3.202, -1.7


@pytest.fixture(scope="module")
def embedded():
    return open_dataset("mp-structures")


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("O2", 0),
        ("FeNi", 0),
        ("Na2O", OXIDE / 3),
        ("Na2O2", PEROXIDE / 2),
        ("KO2", 2 * SUPEROXIDE / 3),
        ("Fe2O3", (3 * OXIDE + 2 * FE) / 5),
        ("FeF3", (3 * F + FE) / 4),
        ("FeS2", 2 * S / 3),
        ("FeCl3", 3 * CL / 4),
        ("MnO2F", (2 * OXIDE + F + MN) / 4),
        ("LiMoO2", (2 * OXIDE + MO) / 4),
        ("V2O5·H2O", (6 * OXIDE + 2 * V) / 10),
        ("GaN", N / 2),
        ("NaNO3", 3 * OXIDE / 5),
        ("Mg2Si", SI / 3),
        ("SiO2", 2 * OXIDE / 3),
        ("InSb", SB / 2),
        ("LiH", H / 2),
        ("BaSO4", 4 * OXIDE / 6),
        ("TiO2", 2 * OXIDE / 3),
    ],
)
def test_corrections_of_compositions_are_the_published_ones(formula, expected):
    found = mp2020_corrections([formula])
    assert found.corrections[0] == pytest.approx(expected, abs=1e-12)
    assert not found.by_structure[0]


def test_structures_tell_what_pymatgen_reads_from_them(embedded):
    """The scheme itself on structure entries, with run types as Materials Project sets them."""
    scheme = MaterialsProject2020Compatibility(check_potcar=False)
    fractions, formulas = embedded.fractions(), embedded.table()["formula"].to_numpy()
    of_interest = (fractions[:, [7, 15]] > 0).any(axis=1) & ((fractions > 0).sum(axis=1) > 1)
    rows = np.flatnonzero(of_interest)[::60]
    found = mp2020_corrections(formulas[rows], structures=embedded, rows=rows)
    assert found.by_structure.all()
    for row, value in zip(rows, found.corrections, strict=True):
        frame = embedded.structure(row)
        structure = Structure(frame.lattice, frame.atomic_numbers, frame.frac_coords)
        strongest = max(structure.elements, key=lambda element: element.X).symbol
        known = scheme.u_settings.get(strongest, {})
        hubbards = {e.symbol: known[e.symbol] for e in structure.elements if e.symbol in known}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            entry = ComputedStructureEntry(
                structure,
                0.0,
                parameters={
                    "run_type": "GGA+U" if hubbards else "GGA",
                    "hubbards": hubbards,
                    "software": "other",
                },
            )
            expected = sum(one.value for one in scheme.get_adjustments(entry)) / len(structure)
        assert value == pytest.approx(expected, abs=1e-9), formulas[row]


def test_each_composition_is_computed_once(monkeypatch):
    formulas = ["NaCl", "MgO", "Na2Cl2", "NaCl"] * 5
    calls = []
    whole = corrections.correction_of
    monkeypatch.setattr(
        corrections, "correction_of", lambda *given: calls.append(given) or whole(*given)
    )
    told = []
    found = mp2020_corrections(formulas, progress=lambda *one: told.append(one))
    assert len(calls) == 3
    np.testing.assert_allclose(found.corrections[::4], found.corrections[2::4])
    assert told


def paired(corrections_in="MP2020", uncorrected_column=None):
    """Four materials with corrected source energies in a data set that may hold others."""
    formulas = ["Fe2O3", "NaCl", "FeNi", "BaSO4"]
    columns = [
        EnergyColumn(column="gga", functional="GGA/GGA+U", corrections=corrections_in),
        EnergyColumn(column="r2scan", functional="r2SCAN", corrections="none"),
    ]
    table = pd.DataFrame(
        {
            "material_id": list("abcd"),
            "formula": formulas,
            "gga": [-5.0, -4.0, -6.0, -7.0],
            "r2scan": [-9.0, np.nan, -8.0, -7.5],
        }
    )
    if uncorrected_column is not None:
        table["raw"] = uncorrected_column
        columns.append(EnergyColumn(column="raw", functional="GGA/GGA+U", corrections="none"))
    data = PairSet(Card(name="mine", kind="pairs", energies=columns), table)
    return data, PairedEnergies.from_pair_set(data, "gga", "r2scan")


def test_corrections_are_taken_out_of_the_source():
    data, pairs = paired()
    told = without_corrections(pairs, data)
    assert told.rebuilt
    assert "rebuilt" in told.origin
    assert told.pairs.source_corrections == "none"
    expected = pairs.source - [(3 * OXIDE + 2 * FE) / 5, 0.0, 4 * OXIDE / 6]
    np.testing.assert_allclose(told.pairs.source, expected, atol=1e-12)
    np.testing.assert_array_equal(told.pairs.target, pairs.target)


def test_the_data_sets_own_uncorrected_energies_come_first():
    data, pairs = paired(uncorrected_column=[-4.0, np.nan, -5.5, -6.5])
    told = without_corrections(pairs, data)
    assert (told.rebuilt, told.origin) == (False, "column raw")
    np.testing.assert_array_equal(told.pairs.source, [-4.0, -5.5, -6.5])


def test_own_and_rebuilt_energies_are_not_mixed():
    data, pairs = paired(uncorrected_column=[-4.0, -3.0, np.nan, -6.5])
    assert without_corrections(pairs, data).rebuilt


def test_uncorrected_energies_cannot_be_uncorrected():
    data, pairs = paired(corrections_in="none")
    assert not carries_corrections(pairs)
    with pytest.raises(LabError, match="not known to carry MP2020"):
        without_corrections(pairs, data)
    pairs = paired()[1]
    assert carries_corrections(pairs)
    assert not carries_corrections(replace(pairs, source_functional="HSE06"))


def test_frames_carry_their_uncorrected_energies(tmp_path):
    sets = {}
    for name, functional, energy in (("gga", "GGA/GGA+U", -4.0), ("r2", "r2SCAN", -9.0)):
        frames = [
            Frame(
                frame_id=f"f-{i}",
                material_id=f"m-{i}",
                atomic_numbers=np.array([11, 17]),
                frac_coords=np.array([[0, 0, 0], [0.5, 0.5, 0.5]]),
                lattice=np.eye(3) * 3.5,
                energy_per_atom=energy,
                uncorrected_energy_per_atom=energy + 0.1 if name == "gga" else None,
            )
            for i in range(3)
        ]
        corrections_in = "MP2020" if name == "gga" else "none"
        card = Card(name=name, kind="frames", functional=functional, corrections=corrections_in)
        write_frames(tmp_path / name, card, frames)
        sets[name] = open_frames(tmp_path / name)
    pairs = PairedEnergies.from_frame_sets(sets["gga"], sets["r2"])
    told = without_corrections(pairs, sets["gga"])
    assert not told.rebuilt
    np.testing.assert_allclose(told.pairs.source, -3.9)


def test_a_ratio_without_small_whole_numbers_has_corrections_too():
    found = mp2020_corrections(["Na0.37123O0.62877"])
    assert found.corrections[0] == pytest.approx(0.62877 * OXIDE, abs=1e-6)
    assert fractions_from_formulas(["Na0.37123O0.62877"]).shape == (1, 94)
