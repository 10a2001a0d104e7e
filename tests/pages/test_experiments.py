"""Experiments: the form launches matched runs, the view shows their table, curves and gradients."""

import json

import pytest
from typer.testing import CliRunner

from core.cli import app as cli
from core.home import runs_dir
from core.runs.groups.experiment import Experiment
from core.runs.process import local
from core.runs.record.listing import list_runs
from core.training.settings.config import RunConfig
from core.training.settings.methods import ALONE
from tests.salts import write_salts


@pytest.fixture
def tiny(home, monkeypatch):
    write_salts(home, forces=True)
    launched = []
    monkeypatch.setattr(local, "launch", launched.append)
    return launched


def command(app):
    return app.code[-1].value


def test_the_form_launches_every_method_and_seed_once(tiny, visit):
    at = visit("experiments", dataset="tiny")
    assert any("No experiment yet" in one.value for one in at.info)
    at.number_input(key="seeds").set_value(2)
    at.number_input(key="epochs").set_value(3).run()
    assert command(at) == (
        f"atomref experiment run --methods {','.join(ALONE)} --seeds 0,1 --dataset tiny --epochs 3"
    )
    assert any(f"{2 * len(ALONE)} runs" in one.value for one in at.caption)
    at.button(key="launch-experiment").click().run()
    assert not at.exception, at.exception
    (one,) = Experiment.load_all()
    assert [run.id for run in tiny] == one.runs
    assert len(list_runs()) == 2 * len(ALONE)
    assert any(
        f"0 of {2 * len(ALONE)} runs finished" in str(bar.proto) for bar in at.get("progress")
    )


def test_what_one_method_refuses_is_said_before_the_launch(tiny, visit):
    at = visit("experiments", dataset="tiny")
    at.multiselect(key="frozen").set_value(["conv0"]).run()
    assert "cannot be frozen" in at.error[0].value
    assert at.button(key="launch-experiment").disabled


@pytest.fixture
def ended(tiny, home):
    """Two methods, two seeds, one run of which still waits."""
    base = RunConfig(dataset="tiny", device="cpu", epochs=2, name="mine <b>")
    one = Experiment.draft(base, methods=["frozen", "refit"], seeds=[0, 1]).create()
    for n, run in enumerate(one.existing_runs()[:3]):
        errors = {"n_frames": 3, "energy_mae_mev_per_atom": 10.0 + n}
        told = [
            {
                "kind": "step",
                "step": 1,
                "epoch": 0.5,
                "train": errors,
                "gradients": {"AtomEmb": 2.0},
            },
            {"kind": "epoch", "step": 2, "epoch": 1, "train": errors, "validation": errors},
        ]
        lines = "".join(json.dumps(event) + "\n" for event in told)
        (runs_dir() / run.id / "metrics.jsonl").write_text(lines)
        run.update(
            state="finished", best_epoch=1, validation=errors, test=errors, labels="dft", epoch=2.0
        )
    last = one.existing_runs()[3]
    last.update(state="failed", message="frames.csv: *odd*; mend it.")
    return one


def test_the_table_has_mean_spread_and_the_papers(ended, visit):
    at = visit("experiments", experiment=ended.id)
    table = at.dataframe[0].value.set_index("method")
    assert table.loc["frozen (Method 3)", "runs"] == "2 of 2"
    assert table.loc["frozen (Method 3)", "energy_mae_mev_per_atom"] == "11.0 ± 1.4"
    assert table.loc["refit (Method 4)", "runs"] == "1 of 2"
    assert table.loc["refit (Method 4)", "energy_mae_mev_per_atom"] == "11"
    assert list(table["energy_mae_mev_per_atom_paper"]) == [26, 17]
    assert "frames\\.csv" in at.error[0].value
    show, report = (code.value for code in at.code[-2:])
    assert f"atomref experiment show {ended.id}" in show
    assert f"atomref report {ended.id} --out {ended.id}.html" in report
    assert any("mine \\<b\\>" in one.value for one in at.subheader)


def test_the_verdict_is_paired_by_seed_and_the_command_says_the_same(ended, visit):
    at = visit("experiments", experiment=ended.id)
    assert any("one seed, which cannot tell" in one.value for one in at.markdown)
    for run, error in zip(ended.existing_runs(), (30.0, 20.0, 41.0, 30.9), strict=True):
        errors = {"n_frames": 3, "energy_mae_mev_per_atom": error}
        run.update(state="finished", best_epoch=1, test=errors, labels="dft")
    at = visit("experiments", experiment=ended.id)
    (row,) = next(one.value for one in at.dataframe if "verdict" in one.value).to_dict("records")
    assert row["other"] == "Transfer, frozen AtomRef (Method 3)"
    # Differences 10 and 10.1: t of one degree of freedom times 0.05.
    assert row["difference"] == "10.1  [9.41, 10.7]"
    assert row["verdict"] == "larger than chance"
    words = " ".join(one.value for one in at.markdown).replace("\\", "")
    assert "Transfer, refitted AtomRef (Method 4) has the smallest mean error over 2 seeds" in words
    told = json.loads(CliRunner().invoke(cli, ["experiment", "show", ended.id, "--json"]).stdout)
    (found,) = told["differences"]
    assert (found["better"], found["worse"], found["metric"]) == (
        "refit",
        "frozen",
        "energy_mae_mev_per_atom",
    )
    assert found["low"] == pytest.approx(10.05 - 12.7062 * 0.05, abs=1e-3)
    assert found["larger_than_chance"]
    text = CliRunner().invoke(cli, ["experiment", "show", ended.id]).stdout
    assert "Its lead is larger than chance over frozen." in text


@pytest.mark.parametrize(
    ("view", "told"), [("Energy history", "frozen, seed 0"), ("Gradients", "AtomEmb")]
)
def test_curves_and_gradients(ended, visit, view, told):
    at = visit("experiments", experiment=ended.id, view=view)
    (chart,) = at.get("plotly_chart")
    assert told in chart.proto.spec
    assert any("Data\\: tiny\\. Labels\\: DFT" in text.value for text in at.markdown)


def test_the_rest_can_go_on(ended, visit, monkeypatch):
    resumed = []
    monkeypatch.setattr(local, "resume", resumed.append)
    at = visit("experiments", experiment=ended.id)
    next(one for one in at.button if one.label == "Resume the rest").click().run()
    assert [run.id for run in resumed] == [ended.runs[3]]


def test_a_link_to_one_that_is_gone_shows_the_form(tiny, visit):
    at = visit("experiments", experiment="20200101-0000-abcd")
    assert any(button.label == "Launch all" for button in at.button)
