import numpy as np
import pandas as pd
import pytest

from core.elements import fractions_from_formulas
from core.errors import LabError
from core.frames.pairs import open_pairs, write_pairs
from core.frames.schema import Card, EnergyColumn

CARD = Card(
    name="pairs",
    kind="pairs",
    energies=[
        EnergyColumn(column="e_pbe", functional="PBE"),
        EnergyColumn(column="e_r2scan", functional="r2SCAN"),
    ],
)
TABLE = pd.DataFrame(
    {
        "material_id": ["a", "b", "b"],
        "formula": ["Fe2O3", "NaCl", "Ca(OH)2"],
        "e_pbe": [-6.5, np.nan, -5.0],
        "e_r2scan": [-16.5, -12.0, -15.0],
        "family": ["x", None, "y"],
        "stable": [True, False, True],
    }
)


def test_pairs_come_back_as_they_went(make_frames, tmp_path):
    structures = [make_frames(3)[0], None, make_frames(3)[2]]
    card = write_pairs(tmp_path / "pairs", CARD, TABLE, structures)
    opened = open_pairs(tmp_path / "pairs")
    assert (card.n, card.n_materials) == (3, 2)
    assert opened.card == card
    assert list(opened.table()) == list(TABLE)
    pd.testing.assert_frame_equal(opened.table(), TABLE, check_dtype=False)
    assert np.array_equal(opened.energy("e_pbe"), [-6.5, np.nan, -5.0], equal_nan=True)
    assert np.array_equal(opened.fractions(), fractions_from_formulas(TABLE["formula"]))
    assert opened.has_structures
    assert opened.structure(1) is None
    assert np.array_equal(opened.structure(2).frac_coords, structures[2].frac_coords)


def test_pairs_without_structures(tmp_path):
    write_pairs(tmp_path / "pairs", CARD, TABLE)
    opened = open_pairs(tmp_path / "pairs")
    assert not opened.has_structures
    assert opened.structure(0) is None
    with pytest.raises(LabError, match="no energy column 'family'"):
        opened.energy("family")


def test_pairs_that_lack_a_column_or_rows_are_refused(tmp_path):
    with pytest.raises(LabError, match="has no column 'e_pbe'"):
        write_pairs(tmp_path / "pairs", CARD, TABLE.drop(columns="e_pbe"))
    with pytest.raises(LabError, match="no pairs"):
        write_pairs(tmp_path / "pairs", CARD, TABLE.iloc[:0])
    assert list(tmp_path.iterdir()) == []


def test_damaged_pairs_are_refused(tmp_path):
    write_pairs(tmp_path / "pairs", CARD, TABLE)
    (tmp_path / "pairs" / "pairs.arrow").write_bytes(b"ARROW1")
    with pytest.raises(LabError, match=r"pairs.arrow is damaged"):
        open_pairs(tmp_path / "pairs")
