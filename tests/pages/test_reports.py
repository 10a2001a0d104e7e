"""Every number of a report is the one on the page of its subject."""

import html
import json
import re

import pandas as pd
import pytest
import streamlit as st

from core.cli.report import is_analysis, report_of
from core.figures.base.resolved import resolved
from core.frames.registry import open_dataset
from core.frames.tables.pair_table import import_pairs
from core.report.build import report_on
from core.report.html import page
from core.runs.groups.experiment import Experiment
from core.training.settings.config import RunConfig
from tests.pages.example_runs import errors, make_run
from tests.pages.example_sweep import embed, made_results

STABILITY = {"dataset": "tiny", "models": "chgnet-r2scan", "split": "All materials"}
COMPARED = {"dataset": "tiny", "part": "all", "most": "12"}
PREDICTED = {"dataset": "mp-structures", "formula": "AlN", "structure": "mp-1700"}
"""The second one of two."""
TABLE = re.compile(r"<h3>([^<]+)</h3>\s*<div class=\"scroll\"><table>(.+?)</table>", re.DOTALL)
CELL = re.compile(r"<td[^>]*>(.*?)</td>", re.DOTALL)


def tables(*names):
    """The tables of a report as a browser shows them: rows of texts by title."""
    return dict(tables_in(report_on(list(names))))


def tables_in(report):
    return [
        (
            html.unescape(title),
            [[html.unescape(cell) for cell in CELL.findall(row)] for row in body.split("<tr>")[2:]],
        )
        for title, body in TABLE.findall(page(report))
    ]


def numbers(rows):
    """The numbers in the texts of a report, in their order."""
    text = " ".join(cell.replace(",", "").replace("−", "-") for row in rows for cell in row)
    return [float(it) for it in re.findall(r"(?<![\w.])[-−]?\d+(?:\.\d+)?(?:e[-+]\d+)?", text)]


def shown(table):
    """The same of a table on a page, whose numbers stand there in full."""
    cells = [
        (f"{cell:.4g}" if abs(cell) < 1000 else f"{cell:.0f}")
        if isinstance(cell, float)
        else str(cell)
        for row in table.to_numpy().tolist()
        for cell in row
        if not pd.isna(cell)
    ]
    return numbers([cells])


def lines(spec):
    """What a figure draws, from its JSON: the points of each line by its name and mode."""
    return {
        (trace.get("name"), trace.get("mode")): (trace["x"], trace["y"])
        for trace in json.loads(spec)["data"]
        if trace.get("type", "scatter").startswith("scatter")
    }


@pytest.mark.usefixtures("tiny_lab")
def test_of_a_run(visit):
    run = make_run()
    at = visit("transfer", run=run.id)
    (table,) = [one.value for one in at.dataframe if "model" in one.value]
    told = tables(run.id)["Mean absolute errors"]
    assert numbers(told) == shown(table.dropna(axis="columns", how="all"))
    assert 55.0 in numbers(told)
    drawn = [lines(chart.proto.spec) for chart in at.get("plotly_chart")]
    (section,) = report_on([run.id]).sections
    assert section.figures
    for figure in section.figures:
        assert lines(resolved(figure.figure).to_json()) in drawn


@pytest.mark.usefixtures("tiny_lab")
def test_of_an_experiment(visit):
    base = RunConfig(dataset="tiny", epochs=2)
    draft = Experiment.draft(base, methods=["refit", "residual"], seeds=[0, 1]).create()
    for number, run in enumerate(draft.existing_runs()):
        told = errors(20.0 + 3.1 * number**2)
        run.update(state="finished", best_epoch=1, validation=told, test=told, labels="dft")
    at = visit("experiments", experiment=draft.id)
    found = tables(draft.id)
    table = at.dataframe[0].value
    metrics = [name for name in table.columns if "_mae_" in name]
    of_page = table[["runs", *metrics]].dropna(axis="columns", how="all")
    rows = [row[1:] for row in found["Errors on test frames"]]
    assert [numbers([row]) for row in rows] == [
        shown(of_page.iloc[[place]]) for place in range(len(of_page))
    ]
    verdict = next(one.value for one in at.dataframe if "verdict" in one.value)
    differences = found["Is the difference larger than chance?"]
    (energy,) = [row for row in differences if row[0].startswith("Energy MAE")]
    assert energy[3] == verdict["difference"][0]
    assert energy[5] == verdict["verdict"][0]


@pytest.mark.usefixtures("tiny_lab")
def test_of_all_runs(visit):
    make_run()
    make_run("cancelled", method="refit")
    table = visit("runs").dataframe[0].value
    for row, told in zip(table.to_dict("records"), tables()["All runs"], strict=True):
        assert told[0] == row["run"]
        assert told[2] == row["state"]
        error = row["test_energy_mae_mev_per_atom"]
        assert told[8] == "–" if pd.isna(error) else float(told[8]) == error


def test_of_a_sweep(home, visit, monkeypatch):
    st.cache_resource.clear()
    results = made_results()
    embed(monkeypatch, home / "embedded", example=results)
    sweep = results.about.sweep
    sweep.save()
    monkeypatch.setattr("core.report.sweep.results_of", lambda _: results)
    found = tables(sweep.id)
    at = visit("scaling", split="validation")
    laws = next(one.value for one in at.dataframe if "exponent" in one.value)
    told = found["Laws: Validation energy MAE"]
    columns = ["method", "law", "exponent", "twice", "r2", "points", "range", "start"]
    assert [row[:3] + row[5:] for row in told] == laws[columns].drop(
        columns=["twice", "r2"]
    ).to_numpy().tolist()
    assert [float(row[4]) for row in told] == pytest.approx(laws["r2"].tolist(), abs=5e-5)
    assert numbers(told) == shown(laws[columns])


HIDDEN = ["move", "key"]
NOT_TOLD = {"a", "given", "kind", "licence"}
"""Columns of tables about one structure, and of lists of data sets."""
NO_RESULTS = ("viewer", "worst-structure", "given-", "geometry-", "stability-elements")
"""In the names of figures of structures, and of one to click elements in."""
TINY = {"dataset": "tiny"}
MINE = {"dataset": "mine"}
ANALYSES = [
    ("data", {"set": "tiny", "counted": "Materials", "elements": "Cl"}),
    ("data", {"set": "tiny", "view": "Distributions", "elements": "Cl"}),
    ("data", {"set": "tiny", "view": "Frames", "sort": "Energy", "order": "largest first"}),
    ("energy_shifts", MINE | {"elements": "O"}),
    ("energy_shifts", MINE | {"view": "By column", "against": "Atomic number"}),
    ("atomref", MINE | {"formula": "LiFePO4"}),
    ("atomref", MINE | {"view": "Uncertainty", "resamplings": "100", "few": "20"}),
    ("atomref", MINE | {"view": "Influence"}),
    ("atomref", MINE | {"view": "Strength and prior", "own": "false", "measure": "RMSE"}),
    ("importance", MINE | {"view": "Swarm", "top": "7"}),
    ("importance", MINE | {"view": "One element", "element": "O", "color": "Chemistry"}),
    ("formation", MINE | {"across": "energy_r2scan", "up": "energy_gga"}),
    ("offset", TINY),
    ("scaling", {}),
    ("scaling", {"view": "Frames saved"}),
    ("scaling", {"view": "Plan", "have": "100", "spend": "5000"}),
    ("scaling", TINY | {"view": "What to compute next", "n": "5", "price": "0.5"}),
    ("stability", STABILITY | {"view": "Stable or not"}),
    ("stability", STABILITY | {"view": "Hulls", "system": "Na-Cl"}),
    ("compare", COMPARED | {"kind": "Force component"}),
    ("compare", COMPARED | {"view": "By group", "by": "Chemistry", "elements": ["O"]}),
    ("compare", COMPARED | {"view": "By group", "of": "chgnet-r2scan"}),
    ("compare", COMPARED | {"view": "Worst frames", "of": "chgnet-r2scan"}),
    ("predict", PREDICTED | {"models": "chgnet-r2scan"}),
    ("predict", PREDICTED | {"view": "Relaxation", "steps": "3", "keep-cell": "true"}),
    ("predict", PREDICTED | {"view": "Equation of state", "span": "4.5", "points": "5"}),
]


@pytest.fixture
def data(home, monkeypatch):
    """Pairs, frames and a sweep, all small."""
    monkeypatch.setattr("core.reference.importance.trees.ROUNDS", 20)
    monkeypatch.setattr("core.checks.domain._SAMPLE", 4)
    table = open_dataset("mp-structures").table().iloc[::40]
    table[["material_id", "formula"]].assign(
        energy_gga=table["energy_gga_chgnet"], energy_r2scan=table["energy_r2scan_chgnet"]
    ).to_csv(home / "mine.csv", index=False)
    import_pairs(home / "mine.csv", name="mine", mapping={})
    embed(monkeypatch, home / "embedded", example=made_results())


def drawn(spec):
    """What a figure draws, but for names that links carry."""
    return [
        {key: value for key, value in trace.items() if key not in {"customdata", "uid"}}
        for trace in json.loads(spec)["data"]
    ]


@pytest.mark.usefixtures("tiny_lab", "data")
@pytest.mark.parametrize(
    ("name", "query"),
    ANALYSES,
    ids=[" ".join([it[0], *map(str, it[1].values())]) for it in ANALYSES],
)
def test_of_an_analysis(visit, name, query):
    at = visit(name, **query)
    asked = [code.value for code in at.code if is_analysis(code.value)]
    report = report_of([line.removeprefix("atomref ") for line in asked])
    figures = [each for section in report.sections for each in section.figures]
    told = [drawn(resolved(each.figure).to_json()) for each in figures]
    charts = at.get("plotly_chart")
    assert charts
    for chart in charts:
        if not any(name in chart.proto.id for name in NO_RESULTS):
            assert drawn(chart.proto.spec) in told, chart.proto.id
    assert report.sections[0].commands == asked[:1]
    cells = {cell for _, rows in tables_in(report) for row in rows for cell in row}
    found = set(numbers([cells]))
    for table in (one.value for one in at.dataframe):
        if set(table.columns) & NOT_TOLD and name != "predict":
            continue
        if "view" in query and "structure" in table:
            continue  # which structure the figures are of
        of_page = table.select_dtypes([float, object, "str"]).drop(columns=HIDDEN, errors="ignore")
        assert set(shown(of_page)) - found == set()
        if name in {"compare", "predict"}:
            assert {cell for cell in table.to_numpy().ravel() if isinstance(cell, str)} <= cells
