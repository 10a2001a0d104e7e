"""What shifts can be set against: the table's columns, structures, compositions."""

import numpy as np
import pandas as pd
import pytest

from core.errors import LabError
from core.frames.registry import open_dataset
from core.frames.tables.pair_table import pairs_from_table
from core.reference.shifts.pairs import OpenedPairs, PairedEnergies
from core.reference.shifts.variables import variable, variables


@pytest.fixture
def mine(tmp_path):
    n = 12
    rng = np.random.default_rng(4)
    table = pd.DataFrame(
        {
            "material_id": [f"m{i}" for i in range(n)],
            "formula": ["LiF", "Fe2O3", "He", "GaAs"] * 3,
            "energy_gga": rng.normal(-5, 1, n),
            "energy_r2scan": rng.normal(-9, 1, n),
            "energy_hse": rng.normal(-9, 1, n),
            "volume_gga": np.full(n, 20.0),
            "volume_r2scan": np.full(n, 19.0),
            "bandgap": [None, *rng.random(n - 1)],
            "family": ["a", "b", "c"] * 4,
            "remark": [f"row {i}" for i in range(n)],
            "magnetic": [True, False] * 6,
            "same": np.ones(n),
        }
    )
    table.loc[2, "energy_gga"] = np.nan
    table.to_parquet(tmp_path / "mine.parquet")
    data = pairs_from_table(
        tmp_path / "mine.parquet", mapping={"source": "energy_gga", "target": "energy_r2scan"}
    )
    pairs = PairedEnergies.from_pair_set(data, "energy_gga", "energy_r2scan")
    return variables(OpenedPairs(data=data, pairs=pairs)), table.drop(index=2)


def test_columns_that_vary_and_are_neither_names_nor_the_two_energies(mine):
    known, _ = mine
    own = [name for name, one in known.items() if not one.about and name != "chemistry"]
    assert own == ["energy_hse", "bandgap", "family", "magnetic"]
    assert known["bandgap"].unit == "eV"
    assert known["energy_hse"].unit == "eV/atom"
    assert {name for name, one in known.items() if one.kind == "category"} == {
        "family",
        "magnetic",
        "chemistry",
    }


def test_values_follow_the_pairs(mine):
    known, table = mine
    np.testing.assert_array_equal(known["bandgap"].values(), table["bandgap"].to_numpy(float))
    assert known["family"].values().tolist() == table["family"].tolist()
    assert known["magnetic"].values().tolist() == [
        "yes" if one else "no" for one in table["magnetic"]
    ]
    np.testing.assert_allclose(known["volume_change"].values(), -5.0)


def test_what_follows_from_composition(mine):
    known, table = mine
    rows = table["formula"].tolist()
    number = dict(zip(rows, known["atomic_number"].values(), strict=True))
    assert number["LiF"] == pytest.approx((3 + 9) / 2)
    assert number["Fe2O3"] == pytest.approx((2 * 26 + 3 * 8) / 5)
    electronegativity = dict(zip(rows, known["electronegativity"].values(), strict=True))
    assert electronegativity["LiF"] == pytest.approx((0.98 + 3.98) / 2)
    assert np.isnan(electronegativity["He"])
    assert dict(zip(rows, known["d_electrons"].values(), strict=True))["GaAs"] == 10
    assert dict(zip(rows, known["n_elements"].values(), strict=True))["He"] == 1
    assert set(known["chemistry"].values()) == {"halide", "oxide", "element", "pnictide"}


def test_unknown_name_tells_the_known_ones(mine):
    with pytest.raises(LabError, match="choose one of: energy_hse"):
        variable(mine[0], "colour")


def test_frames_tell_volumes_and_magmoms():
    source, target = open_dataset("mp-frames-gga"), open_dataset("mp-frames-r2scan")
    pairs = PairedEnergies.from_frame_sets(source, target)
    known = variables(OpenedPairs(data=source, pairs=pairs, other=target))
    assert {"n_atoms", "volume_per_atom", "magmom_per_atom", "volume_change"} <= known.keys()
    assert "energy_per_atom" not in known
    assert "has_forces" not in known, "all have them"
    frame = source.frame(int(pairs.index[7]))
    n = len(frame.atomic_numbers)
    assert known["n_atoms"].values()[7] == n
    assert known["volume_per_atom"].values()[7] == pytest.approx(np.linalg.det(frame.lattice) / n)
    assert known["magmom_per_atom"].values()[7] == pytest.approx(np.abs(frame.magmoms).mean())
    np.testing.assert_allclose(known["volume_change"].values(), 0, atol=1e-9)


def test_a_column_comes_before_what_is_computed_of_its_name():
    data = open_dataset("mp-structures")
    pairs = PairedEnergies.from_pair_set(data, "energy_gga_chgnet", "energy_r2scan_chgnet")
    known = variables(OpenedPairs(data=data, pairs=pairs))
    assert known["volume_per_atom"].about == ""
    assert list(known).count("volume_per_atom") == 1
