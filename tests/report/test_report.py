"""Reports say what pages say, need nothing else, and take no text for HTML."""

import base64
import io
import re
import sys
import zipfile

import orjson
import pandas as pd
import plotly.graph_objects as go
import pytest

from core.errors import LabError
from core.frames.provenance import Provenance
from core.report.archive import as_data, write_archive, write_report
from core.report.build import report_on
from core.report.document import Figure, Section
from core.report.html import page
from core.runs.groups.experiment import Experiment
from core.runs.groups.sweep import Sweep
from core.runs.results.comparison import errors_table
from core.runs.results.curves import error_curves
from core.runs.results.matched import matched_table
from core.training.settings.config import RunConfig
from tests.browser.conftest import CHROMIUM
from tests.cli.helpers import answer, mistake
from tests.pages.example_runs import make_run


def body(text):
    """The page without plotly's own code."""
    return re.sub(r"<script>/\*\*.*?</script>", "", text, count=1, flags=re.DOTALL)


def test_a_run_has_the_errors_of_its_page_and_its_settings(run):
    (section,) = as_data(report_on([run.id]))["sections"]
    told = section["tables"]["Mean absolute errors"]
    for row, shown in zip(errors_table(run).to_dict("records"), told, strict=True):
        assert shown["Model"] == row["model"]
        assert shown["Energy MAE, meV/atom"] == row["energy_mae_mev_per_atom"]
    assert section["facts"]["All settings"]["loss.huber_delta"] == 0.1
    assert section["commands"] == [run.config.command]
    assert "3 : 1 : 0.1 : 1" in section["text"][-1], "the methods text names the loss"


def test_every_curve_carries_its_data(run):
    text = page(report_on([run.id]))
    links = re.findall(r'download="([^"]+)" href="data:text/csv;base64,([^"]+)"', text)
    tables = {name: pd.read_csv(io.BytesIO(base64.b64decode(data))) for name, data in links}
    for metric, curve in error_curves(run).items():
        table = tables[f"{run.id}-{metric}.csv"]
        assert table["value"].tolist() == curve["value"].tolist()
        assert set(table["labels"]) == {"Data: tiny. Labels: DFT."}


def test_it_asks_nobody_and_takes_no_text_for_html(run):
    text = body(page(report_on([run.id])))
    assert "&lt;b&gt;Salt&lt;/b&gt;" in text
    assert "<b>Salt" not in text.partition("<body>")[2].partition("<figure>")[0]
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text
    assert not re.search(r'\b(?:src|href)="(?!#|data:)', text)


def test_an_experiment_has_the_table_of_its_page(run):
    base = RunConfig(dataset="tiny", epochs=2)
    experiment = Experiment.draft(base, methods=["refit", "residual"], seeds=[0]).create()
    runs = [make_run(method="refit"), make_run(method="residual")]
    experiment = experiment.model_copy(update={"runs": [each.id for each in runs], "name": "Both"})
    experiment.save()
    (section,) = as_data(report_on([experiment.id]))["sections"]
    assert section["title"] == "Both"
    rows = section["tables"]["Errors on test frames"]
    expected = matched_table(runs, "test")["energy_mae_mev_per_atom"]
    assert [float(row["Energy MAE, meV/atom"]) for row in rows] == expected.tolist()
    assert {"Huang2025", "Furness2020"} <= set(
        re.findall(r"@article{(\w+),", page(report_on([experiment.id])))
    )


def test_a_sweep_without_a_finished_run_has_no_laws(home):
    base = RunConfig(dataset="tiny", epochs=2)
    sweep = Sweep.draft(base, sizes=[4, 8], methods=["refit"], seeds=[0]).create()
    (section,) = report_on([sweep.id]).sections
    assert not section.tables
    assert section.commands[0] == sweep.command


def test_the_archive_holds_page_data_and_model(run, home, monkeypatch):
    path = home / "report.zip"
    monkeypatch.setitem(sys.modules, "kaleido", None)
    write_report(report_on([run.id]), path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert archive.read(f"models/{run.id}.pth.tar") == b"weights"
        assert b"Errors of epoch 2" in archive.read(f"models/{run.id}.card.md")
        told = orjson.loads(archive.read("report.json"))
        assert b"pip install kaleido" in archive.read("figures/README.txt")
    assert "report.html" in names
    curves = {name.partition(".")[0] for name in names if name.startswith("figures/")}
    assert {f"figures/{run.id}-{key}" for key in error_curves(run)} <= curves
    assert told["sections"][0]["id"] == run.id


@pytest.mark.filterwarnings("ignore")
def test_every_figure_of_the_archive_is_an_svg_too(run, monkeypatch):
    pytest.importorskip("kaleido", reason="kaleido is missing; make test installs it")
    if CHROMIUM is None:
        pytest.skip("Chromium is missing; .ci/run installs it")
    monkeypatch.setenv("BROWSER_PATH", CHROMIUM)
    report, file = report_on([run.id]), io.BytesIO()
    write_archive(report, file)
    with zipfile.ZipFile(file) as archive:
        for figure in report.sections[0].figures:
            svg = archive.read(f"figures/{figure.name}.svg").decode()
            assert svg.startswith("<svg")
            assert f">{figure.figure.layout.xaxis.title.text}</text>" in svg
            assert not re.search(r'href="(?!#|data:)', svg)
        assert "figures/README.txt" not in archive.namelist()


def test_without_names_it_is_the_logbook(run):
    make_run("cancelled")
    (section,) = as_data(report_on([]))["sections"]
    rows = section["tables"]["All runs"]
    assert {row["State"] for row in rows} == {"finished", "cancelled"}
    assert {
        row["Test energy"] if "Test energy" in row else row["Energy MAE, meV/atom"] for row in rows
    } >= {55.0}


def test_the_command_writes_it_once(run, home):
    told = answer("report", run.id, "--out", home / "report.html")
    assert told["sections"] == [run.id]
    assert (home / "report.html").read_text().startswith("<!doctype html>")
    assert "exists already" in mistake("report", run.id, "--out", home / "report.html")
    assert "is no run" in mistake("report", "nobody", "--out", home / "other.html")
    assert "name it so" in mistake("report", run.id, "--out", home / "report.pdf")


def test_analyses_are_sections_beside_runs(run, home):
    lines = ["shift mp-structures --element Fe", "atomref shift mp-structures --element Cr --any"]
    told = answer("report", lines[0], run.id, lines[1], "--out", home / "report.zip")
    assert told["sections"] == ["shift-1", run.id, "shift-2"]
    with zipfile.ZipFile(home / "report.zip") as archive:
        names = archive.namelist()
        first, _, second = orjson.loads(archive.read("report.json"))["sections"]
        points = pd.read_csv(archive.open("figures/shift-2-energy-parity.csv"))
    n = answer("shift", "mp-structures", "--element", "Cr")["n"]
    assert len(points) == second["tables"]["Comparison"][0]["Pairs"] == n
    assert first["commands"] == [f"atomref {lines[0]}"]
    assert {f"figures/shift-1-shift-by-element.{end}" for end in ("csv", "plotly.json")} <= {*names}
    assert "no column 'x'" in mistake(
        "report", "shift mp-structures --against x", "--out", home / "other.html"
    )


def test_a_name_in_a_figure_is_no_path():
    figure = Figure(
        name="../up",
        figure=go.Figure(),
        caption="",
        source=Provenance(data=""),
        table=pd.DataFrame(),
    )
    section = Section(title="", figures=[figure]).placed("shift-1", "atomref shift")
    assert section.figures[0].name == "shift-1--up"


def test_there_is_nothing_to_report_on(home):
    with pytest.raises(LabError, match="no run to report on"):
        report_on([])
