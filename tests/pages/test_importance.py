"""Feature importance: what the page says is what the study found; views, links and mistakes."""

import json

import numpy as np
import pytest

from core.elements import INDEX
from core.frames.registry import open_dataset
from core.frames.tables.pair_table import import_pairs
from core.reference.shifts.pairs import PairedEnergies
from core.studies.importance import ImportanceStudy
from core.studies.selection import PairSelection

COLUMNS = {"source": "energy_gga_corrected", "target": "energy_r2scan"}


@pytest.fixture(autouse=True)
def mine(home, monkeypatch):
    """A tenth of the embedded materials as a user's own, and fewer trees than usual."""
    monkeypatch.setattr("core.reference.importance.trees.ROUNDS", 20)
    table = open_dataset("mp-structures").table().iloc[::10]
    table[["material_id", "formula"]].assign(
        energy_gga_corrected=table["energy_gga_chgnet"],
        energy_gga_uncorrected=table["energy_gga_uncorrected_chgnet"],
        energy_r2scan=table["energy_r2scan_chgnet"],
    ).to_csv(home / "mine.csv", index=False)
    import_pairs(home / "mine.csv", name="mine", mapping={})


def figures(at):
    return [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]


def test_score_stands_above_two_periodic_tables(visit):
    at = visit("importance", dataset="mine")
    labels = [metric.label for metric in at.metric]
    assert labels[:2] == ["R², trees", "R², linear fit"]
    study = ImportanceStudy(pairs=PairSelection(dataset="mine", **COLUMNS))
    found = study.compute(lambda *_: None).importance
    assert float(at.metric[0].value) == pytest.approx(found.r2_cv, abs=6e-4)
    assert len(figures(at)) == 2
    assert any(f"No reference for {', '.join(found.missing)}" in c.value for c in at.caption)
    assert any(f"poorly known: {', '.join(found.rare)}" in c.value for c in at.caption)
    ranks = at.dataframe[0].value
    assert {"symbol", "family", "change"} <= set(ranks.columns)
    o = ranks.set_index("symbol").loc["O"]
    # Everywhere on the page in meV/atom.
    assert o["first"] == pytest.approx(1000 * found.importance[INDEX["O"]], rel=1e-4)
    assert labels[2:4] == ["MAE, trees, meV/atom", "MAE, linear fit, meV/atom"]
    assert o["second"] > 2 * o["first"]
    line = "atomref importance mine --source energy_gga_corrected --target energy_r2scan"
    assert [code.value for code in at.code] == [line, f"{line} --uncorrected"]
    assert any("energy_gga_uncorrected" in text.value.replace("\\", "") for text in at.markdown)


def test_score_view_tells_every_fold(visit):
    at = visit("importance", dataset="mine", view="Score")
    corrected, uncorrected = (frame.value for frame in at.dataframe)
    assert len(corrected) == len(uncorrected) == 5
    assert float(at.metric[0].value) == pytest.approx(corrected["r2"].mean(), abs=6e-4)
    at.segmented_control(key="which").set_value("without").run()
    assert not at.exception
    assert float(at.metric[0].value) == pytest.approx(uncorrected["r2"].mean(), abs=6e-4)


def test_swarm_and_one_element(visit):
    at = visit("importance", dataset="mine", view="Swarm", top="7")
    (figure,) = figures(at)
    assert len(figure["layout"]["yaxis"]["ticktext"]) == 7
    at = visit("importance", dataset="mine", view="One element", element="Fe")
    (figure,) = figures(at)
    assert "Fe" in figure["layout"]["xaxis"]["title"]["text"]
    table = at.dataframe[0].value
    assert table["formula"].str.contains("Fe").all()
    sizes = np.abs(table["shap"])
    assert sizes.is_monotonic_decreasing
    data = open_dataset("mine")
    pairs = PairedEnergies.from_pair_set(data, *COLUMNS.values())
    row = table.iloc[0]
    assert pairs.material_id[row["row"]] == row["material_id"]
    assert row["fraction"] == pairs.fractions[row["row"], INDEX["Fe"]]


def test_total_energies_need_no_references_and_a_line_does_better(visit):
    at = visit("importance", dataset="mine", explained="Total energies")
    assert at.selectbox(key="references").disabled
    assert "linear fit to the fractions does better" in at.info[0].value
    assert "--explain total" in at.code[0].value


def test_own_elements_leave_out_more(visit):
    at = visit("importance", dataset="mine", references="the data set's own elements")
    assert any("No reference for" in caption.value for caption in at.caption)
    assert "--references own" in at.code[0].value


def test_sources_without_corrections_have_one_table(visit):
    at = visit("importance", dataset="mine")
    at.selectbox(key="source").set_value("energy_gga_uncorrected").run()
    assert not at.exception
    assert len(figures(at)) == 1
    assert "--uncorrected" not in at.code[0].value


def test_two_sets_of_frames(visit):
    at = visit("importance", dataset="mp-frames-r2scan", explained="Total energies")
    assert len(figures(at)) == 1
    assert "mp-frames-r2scan mp-frames-gga" in at.code[0].value
