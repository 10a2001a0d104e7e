"""Energy shifts: the embedded data, a reader's own table, filters and mistakes."""

import json

import numpy as np
import pandas as pd
import pytest

from core.frames.tables.pair_table import import_pairs


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
    assert len(at.get("plotly_chart")) == 4, "two parities, the elements and a structure"


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


def test_a_filter_says_which_pairs_atomref_is_fitted_to(visit, mine):
    at = visit("energy_shifts", dataset="mine", elements=["Fe"])
    told = " ".join(one.value for one in (*at.caption, *at.markdown)).replace("\\", "")
    assert "fitted to all 6 pairs" in told
    assert "Data: mine, only materials with Fe, AtomRef of all pairs." in told
    assert not at.warning
    at.segmented_control(key="fitted").set_value("selected").run()
    told = " ".join(one.value for one in (*at.caption, *at.markdown)).replace("\\", "")
    assert "fitted to the 5 pairs that contain Fe" in told
    assert "AtomRef of these pairs" in told
    assert at.code[0].value.endswith("--element Fe --refit")
    at.multiselect(key="elements").set_value(["Fe", "O"]).run()
    assert not at.warning  # four pairs for two elements
    assert "fitted" not in visit("energy_shifts", dataset="mine").session_state


def test_too_few_pairs_for_their_elements_are_a_warning(visit, home):
    formulas = ["FeO", "MgO", "CaO", "NaCl", "KCl", "LiF"]
    table = pd.DataFrame({"formula": formulas, "energy_gga": np.arange(6.0)})
    table.assign(energy_r2scan=table["energy_gga"] ** 2).to_csv(home / "few.csv", index=False)
    import_pairs(home / "few.csv", name="few")
    (told,) = visit("energy_shifts", dataset="few").warning
    assert "fitted to 6 pairs with 9 elements, fewer than 2 pairs per element" in told.value


def test_frames_in_two_functionals_are_pairs_too(visit):
    at = visit("energy_shifts", dataset="mp-frames-gga")
    assert metrics(at)["Pairs"] == "2,399"


def test_command_says_the_same(visit, mine):
    at = visit("energy_shifts", dataset="mine")
    expected = "atomref shift mine --source energy_gga --target energy_r2scan"
    assert at.code[0].value == expected


def test_same_column_twice_is_told(visit, mine):
    at = visit("energy_shifts", dataset="mine", source="r2SCAN, uncorrected (energy_r2scan)")
    assert "the same column" in at.error[0].value


def test_unknown_data_set_in_a_link_falls_back(visit):
    at = visit("energy_shifts", dataset="<b>nothing</b>")
    assert metrics(at)["Pairs"] == "6,238"


def spec(at, number=0):
    return json.loads(at.get("plotly_chart")[number].proto.spec)


def test_by_column_shows_the_correlation_of_the_table(visit, mine):
    at = visit("energy_shifts", dataset="mine", view="By column", against="Elements")
    shift = mine["energy_r2scan"] - mine["energy_gga"]
    n_elements = np.array([2, 2, 2, 2, 1, 1])
    found = metrics(at)
    assert found["Pairs with both"] == "6"
    assert found["Pearson r"] == f"{np.corrcoef(shift, n_elements)[0, 1]:.3f}".replace("-", "−")
    assert at.code[0].value.endswith("--target energy_r2scan --against n_elements")
    assert any("Labels\\: DFT" in text.value for text in at.markdown)


def test_a_link_to_a_missing_data_set_says_that_another_is_shown(visit, mine):
    at = visit("energy_shifts", dataset="*gone*")
    assert at.warning[0].value.startswith("The link names \\*gone\\*, which is not")
    assert not visit("energy_shifts", dataset="mine").warning


def test_a_picked_material_is_in_the_link(visit, mine):
    link = {"dataset": "mine", "view": "By column"}
    at = visit("energy_shifts", **link, picked="1.m-1")
    facts = at.dataframe[0].value.set_index("what")["value"]
    assert facts["Material"] == "m-1"
    # Also where both energies are of one functional.
    assert [name.partition(",")[0] for name in facts.index[1:3]] == ["Source", "Target"]
    assert float(facts["Shift, eV/atom"]) == pytest.approx(-2 * 2 / 5 - 3 * 3 / 5)
    assert any(trace.get("name") == "picked" for trace in spec(at)["data"])
    for stranger in ("1.m-2", "99.m-1", "<b>", "٣.m-3", "9" * 30):
        assert not visit("energy_shifts", **link, picked=stranger).dataframe


def test_a_category_has_boxes(visit, mine):
    at = visit("energy_shifts", dataset="mine", view="By column", against="Chemistry")
    table = at.dataframe[0].value.set_index("category")
    assert table["n"].to_dict() == {"oxide": 4, "element": 2}
    shift = (mine["energy_r2scan"] - mine["energy_gga"])[:4]
    assert table.loc["oxide", "median"] == pytest.approx(shift.median())
    at.segmented_control(key="of").set_value("residual").run()
    assert abs(at.dataframe[0].value["median"]).max() < 1e-6, "linear in composition"


def test_by_element_marks_what_is_in_few_materials(visit, mine):
    at = visit("energy_shifts", dataset="mine", view="By element")
    assert "Fe" in at.warning[0].value
    table = at.dataframe[0].value.set_index("symbol")
    assert table["n"].to_dict() == {"O": 5, "Fe": 5}
    shift = mine["energy_r2scan"] - mine["energy_gga"]
    assert table.loc["Fe", "shift"] == pytest.approx(shift[:5].mean())
    at.number_input(key="few").set_value(2).run()
    assert not at.warning
    assert at.code[0].value.endswith("--by-element --rare 2")


def test_data_efficiency(visit, mine):
    at = visit("energy_shifts", view="Data efficiency", elements=["O"])
    table = at.dataframe[0].value
    assert table["materials"].tolist()[:3] == [10, 30, 100]
    assert len(at.get("plotly_chart")) == 2
    assert any("not from these data" in one.value for one in at.markdown)
    assert at.code[0].value.endswith("--element O --data-efficiency")
    at.selectbox(key="dataset").set_value("mine").run()
    assert "too few" in at.error[0].value


@pytest.mark.parametrize("view", ["By column", "By element"])
def test_views_of_frames(visit, view):
    at = visit("energy_shifts", dataset="mp-frames-gga", view=view)
    assert not at.error
    assert at.get("plotly_chart")


def test_what_u_adds_is_shown_where_gga_and_gga_u_meet(visit):
    at = visit("energy_shifts")
    assert any("U adds" in box.label for box in at.expander)
