"""Energy shifts: the embedded data, a reader's own table, filters and mistakes."""

import numpy as np
import pandas as pd
import pytest

from core.frames.sources.table import import_pairs


def metrics(at):
    return {metric.label: metric.value for metric in at.metric}


@pytest.fixture
def mine(home):
    """Energies whose target is the source shifted by 2 eV an Fe atom and 3 eV an O atom."""
    formulas = ["FeO", "Fe2O3", "Fe3O4", "FeO2", "Fe", "O2"]
    iron = np.array([1 / 2, 2 / 5, 3 / 7, 1 / 3, 1, 0])
    source = np.array([-5.0, -6.0, -5.5, -6.5, -8.0, -4.0])
    table = pd.DataFrame(
        {
            "material_id": [f"m-{i}" for i in range(6)],
            "formula": formulas,
            "energy_gga": source,
            "energy_r2scan": source - 2 * iron - 3 * (1 - iron),
        }
    )
    table.to_csv(home / "mine.csv", index=False)
    import_pairs(home / "mine.csv", name="mine")
    return table


def test_embedded_data_open_at_once(visit):
    at = visit("energy_shifts")
    assert at.title[0].value == "Energy shifts"
    assert metrics(at)["Pairs"] == "6,238"
    assert any("model-labelled, not DFT" in one.value for one in at.markdown)
    assert len(at.get("plotly_chart")) == 2


def test_numbers_are_those_of_the_table(visit, mine):
    at = visit("energy_shifts", dataset="mine")
    shift = mine["energy_r2scan"] - mine["energy_gga"]
    raw = np.corrcoef(mine["energy_gga"], mine["energy_r2scan"])[0, 1]
    found = metrics(at)
    assert found["Pairs"] == "6"
    assert found["Mean shift, eV/atom"] == f"{shift.mean():.2f}".replace("-", "−")
    assert found["r of total energies"] == f"{raw:.3f}"
    assert found["r after AtomRef"] == "1.000", "a shift linear in composition leaves nothing"


def test_filter_keeps_materials_with_all_elements(visit, mine):
    at = visit("energy_shifts", dataset="mine", elements=["Fe", "O"])
    assert metrics(at)["Pairs"] == "4"
    at.multiselect(key="elements").set_value(["Au"]).run()
    assert not at.metric
    assert "No material contains" in at.info[0].value


def test_frames_in_two_functionals_are_pairs_too(visit):
    at = visit("energy_shifts", dataset="mp-frames-gga")
    assert metrics(at)["Pairs"] == "2,399"


def test_command_says_the_same(visit, mine):
    at = visit("energy_shifts", dataset="mine")
    expected = "python -m core shift mine --source energy_gga --target energy_r2scan"
    assert at.code[0].value == expected


def test_same_column_twice_is_told(visit, mine):
    at = visit("energy_shifts", dataset="mine", source="r2SCAN, uncorrected (energy_r2scan)")
    assert "the same column" in at.error[0].value


def test_unknown_data_set_in_a_link_falls_back(visit):
    at = visit("energy_shifts", dataset="<b>nothing</b>")
    assert metrics(at)["Pairs"] == "6,238"
