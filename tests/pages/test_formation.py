"""Formation energies: references, parity, errors against experiment."""

import json

import numpy as np
import pandas as pd
import pytest

from core.elements import INDEX, fractions_from_formulas
from core.frames.tables.pair_table import import_pairs
from core.reference.fits.facts import family_facts


@pytest.fixture
def mine(home):
    """Four salts whose r2SCAN formation energies are measured, and one with molybdenum."""
    formulas = ["NaCl", "MgO", "CaO", "MgCl2", "MoO3"]
    X = fractions_from_formulas(formulas)
    mp = family_facts("mp")
    values = {
        functional: np.array([mp[f"e_crystal_{functional}"].get(s, 0.0) for s in INDEX])
        for functional in ("pbe", "r2scan")
    }
    formation = np.array([-2.1, -3.1, -3.3, -2.2, -1.9])
    table = pd.DataFrame(
        {
            "material_id": [f"m-{i}" for i in range(5)],
            "formula": formulas,
            "energy_gga_corrected": X @ values["pbe"] + formation + 0.2,
            "energy_r2scan": X @ values["r2scan"] + formation,
            "formation_enthalpy_experiment": formation,
        }
    )
    path = home / "mine.csv"
    table.to_csv(path, index=False)
    import_pairs(path, name="mine", mapping={})
    return table


def test_errors_against_experiment(visit, mine):
    at = visit("formation", dataset="mine")
    assert "Mo" in at.warning[0].value
    assert "1 of 5" in at.warning[0].value
    errors = next(f.value for f in at.dataframe if "mae" in f.value.columns).set_index("energy")
    assert errors.loc["energy_r2scan", "mae"] == pytest.approx(0, abs=1e-9)
    assert errors.loc["energy_gga_corrected", "me"] == pytest.approx(0.2)
    assert (errors["n"] == 4).all()
    (figure,) = [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]
    titles = [figure["layout"][axis]["title"]["text"] for axis in ("xaxis", "yaxis")]
    assert titles == [
        "Formation enthalpy experiment (eV/atom)",
        "Formation energy, r2SCAN, uncorrected (eV/atom)",
    ]
    assert at.code[0].value == ("atomref formation mine --experiment formation_enthalpy_experiment")


def test_rebuilt_corrections_join_in(visit, mine):
    at = visit("formation", dataset="mine", rebuilt="true")
    errors = next(f.value for f in at.dataframe if "mae" in f.value.columns).set_index("energy")
    # NaCl, MgO, CaO, MgCl2 by Wang et al. 2021.
    taken = np.mean([0.614 / 2, 0.687 / 2, 0.687 / 2, 2 * 0.614 / 3])
    assert errors.loc["energy_gga_corrected, uncorrected (rebuilt)", "me"] == pytest.approx(
        0.2 + taken
    )
    assert "--uncorrected" in at.code[0].value
    # A link from before the label changed.
    at = visit("formation", dataset="mine", rebuilt="true", up="energy_gga_corrected, rebuilt")
    assert at.selectbox(key="up").value == "energy_gga_corrected, uncorrected (rebuilt)"
    (figure,) = [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]
    title = figure["layout"]["yaxis"]["title"]["text"]
    assert title == "Formation energy, GGA/GGA+U, uncorrected (rebuilt) (eV/atom)"


def test_axes_are_chosen_by_words_and_former_links_still_name_columns(visit):
    at = visit("formation", across="energy_r2scan_chgnet", up="energy_gga_chgnet")
    across, up = (at.selectbox(key=key) for key in ("across", "up"))
    assert (across.value, up.value) == ("energy_r2scan_chgnet", "energy_gga_chgnet")
    assert "r2SCAN, uncorrected (energy_r2scan_chgnet)" in across.options
    assert "GGA/GGA+U, MP2020-corrected (energy_gga_chgnet)" in up.options


def test_embedded_data_have_no_experiment(visit):
    at = visit("formation")
    assert any("looks like measured" in info.value for info in at.info)
    assert len(at.get("plotly_chart")) == 1


def test_own_elements_and_a_table_that_is_not_there(visit, mine):
    at = visit("formation", dataset="mine", references="the data set's own elements")
    assert "Na" in at.warning[0].value
    at = visit("formation", dataset="mine", references="your own table (CSV)")
    assert any("CSV file" in info.value for info in at.info)
    table = b"symbol,energy,functional\nNa,-1,r2SCAN\nCl,-2,r2SCAN\n"
    at.file_uploader[0].upload("mine.csv", table, "text/csv").run()
    assert not at.exception
    assert at.code[0].value.startswith("atomref formation mine --references ")
