"""Formation energies of whole data sets, and their errors, against arithmetic by hand."""

import numpy as np
import pandas as pd
import pytest

from core.elements import chemistry, fractions_from_formulas
from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.schema import Card, EnergyColumn, Frame
from core.frames.store import open_frames, write_frames
from core.reference.fits.facts import family_facts
from core.reference.formation.corrections import mp2020_corrections
from core.reference.formation.table import FormationTable, formation_errors, mae_by_chemistry

FORMULAS = ["Na2O", "NaCl", "MgO", "MoO3", "MgCl2"]


@pytest.fixture
def data():
    table = pd.DataFrame(
        {
            "material_id": [f"m-{i}" for i in range(5)],
            "formula": FORMULAS,
            "gga": [-4.0, -3.5, -6.0, -8.0, np.nan],
            "hse": [-5.0, -4.5, -7.0, -9.0, -4.0],
            "r2scan": [-7.0, -9.5, -9.0, -20.0, -11.0],
            "formation_energy_gga": [-1.4, -2.0, -3.0, -1.5, -2.2],
            "formation_enthalpy_experiment": [-1.43, -2.13, -3.12, np.nan, -2.21],
            "is_exp": [True, False, True, True, True],
            "n_atoms": [3, 2, 2, 4, 3],
        }
    )
    energies = [
        EnergyColumn(column="gga", functional="GGA/GGA+U", corrections="MP2020"),
        EnergyColumn(column="hse", functional="HSE06"),
        EnergyColumn(column="r2scan", functional="r2SCAN", corrections="none"),
    ]
    return PairSet(Card(name="mine", kind="pairs", energies=energies), table)


def test_every_functional_with_references_gets_formation_energies(data):
    formation = FormationTable.of(data, "mp")
    assert [column.name for column in formation.columns] == ["gga", "r2scan"]
    assert "HSE06" in formation.without_references["hse"]
    gga, r2scan = formation.columns
    mp = family_facts("mp")
    expected = -4.0 - (2 * mp.loc["Na", "e_crystal_pbe"] + mp.loc["O", "e_crystal_pbe"]) / 3
    assert gga.energies[0] == pytest.approx(expected)
    assert gga.missing == r2scan.missing == ["Mo"]
    assert (gga.n_left_out, r2scan.n_left_out) == (1, 1)
    # One row has no total energy at all: it is not left out for its references.
    assert np.isnan(gga.energies).sum() == 2
    with pytest.raises(LabError, match="cannot be read"):
        FormationTable.of(data, "none.csv")


def test_rebuilt_formation_energies_lack_the_corrections(data):
    formation = FormationTable.of(data, "mp")
    assert [column.name for column in formation.corrected] == ["gga"]
    corrections = mp2020_corrections(FORMULAS).corrections
    gga, _, rebuilt = formation.with_uncorrected(corrections).columns
    assert (rebuilt.name, rebuilt.column.corrections) == ("gga, uncorrected (rebuilt)", "none")
    np.testing.assert_allclose(
        (gga.energies - rebuilt.energies)[:3], [-0.687 / 3, -0.614 / 2, -0.687 / 2]
    )


def test_columns_are_found_by_their_names(data):
    formation = FormationTable.of(data, "mp")
    assert list(formation.measured) == ["formation_enthalpy_experiment"]
    assert list(formation.energies) == ["gga", "r2scan", "formation_energy_gga, as given"]
    assert np.isnan(formation.numbers("formation_enthalpy_experiment")[3])
    for column in ("gga", "formula", "none"):
        with pytest.raises(LabError, match="no column of numbers"):
            formation.numbers(column)


def test_comparison_holds_materials_with_both_energies(data):
    formation = FormationTable.of(data, "mp")
    table = formation.comparison("formation_enthalpy_experiment", "gga")
    assert table["formula"].tolist() == ["Na2O", "NaCl", "MgO"]
    assert table["chemistry"].tolist() == ["oxide", "halide", "oxide"]
    gga = formation.columns[0].energies[:3]
    np.testing.assert_allclose(table["y"], gga)
    np.testing.assert_allclose(table["difference"], gga - [-1.43, -2.13, -3.12])
    elements = formation.elements().set_index("symbol")
    assert elements.loc["Na", "gga"] == family_facts("mp").loc["Na", "e_crystal_pbe"]


def test_errors_are_means_over_the_same_materials():
    formulas = ["Na2O", "MgO", "NaCl", "MgCl2", "NaMg"]
    measured = np.array([-1.0, -2.0, -3.0, np.nan, -0.1])
    energies = {
        "one": np.array([-1.1, -2.3, -2.5, -9.0, np.nan]),
        "other": np.array([-1.0, -2.0, -3.2, -9.0, -0.1]),
    }
    table = formation_errors(energies, measured, fractions_from_formulas(formulas))
    assert chemistry(fractions_from_formulas(formulas[:3])) == ["oxide", "oxide", "halide"]
    rows = {(row.energy, row.chemistry): row for row in table.itertuples()}
    assert list(rows)[:3] == [("one", "all"), ("one", "oxide"), ("one", "halide")]
    assert rows["one", "all"].n == 3
    assert rows["one", "all"].mae == pytest.approx(0.3)
    assert rows["one", "all"].me == pytest.approx(0.1 / 3)
    assert rows["one", "oxide"].me == pytest.approx(-0.2)
    assert rows["other", "halide"].mae == pytest.approx(0.2)
    by_chemistry = mae_by_chemistry(table).set_index("chemistry")
    assert by_chemistry["n"].tolist() == [3, 2, 1]
    assert by_chemistry.loc["halide", "other"] == rows["other", "halide"].mae
    unknown = {"none": np.array([np.nan, np.nan, np.nan, -1.0, np.nan])}
    again = formation_errors(energies | unknown, measured, fractions_from_formulas(formulas))
    assert again.equals(table)
    with pytest.raises(LabError, match="no material has all"):
        formation_errors(unknown, measured, fractions_from_formulas(formulas))
    with pytest.raises(LabError, match="no material has all"):
        formation_errors(energies, np.full(5, np.nan), fractions_from_formulas(formulas))


def test_frames_have_one_functional(tmp_path):
    frames = [
        Frame(
            frame_id=f"f-{i}",
            material_id=f"m-{i}",
            atomic_numbers=np.array(numbers),
            frac_coords=np.arange(3.0 * len(numbers)).reshape(-1, 3) / 10,
            lattice=np.eye(3) * 4,
            energy_per_atom=energy,
        )
        for i, (numbers, energy) in enumerate([([11], -1.0), ([17], -2.0), ([11, 17], -3.0)])
    ]
    write_frames(tmp_path / "salt", Card(name="salt", kind="frames", functional="HSE06"), frames)
    formation = FormationTable.of(open_frames(tmp_path / "salt"), "own")
    np.testing.assert_allclose(formation.columns[0].energies, [0, 0, -1.5])
    assert not formation.without_references
    assert not formation.measured
