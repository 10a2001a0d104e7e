"""Compare models: what the page shows is what the study says, and the command too."""

import json
import shlex

import numpy as np
import pytest
from typer.testing import CliRunner

from core.cli import app as cli
from core.progress import silent
from core.studies.models.error_groups import containing
from core.studies.models.labelled import LabelledStudy
from core.training.scoring.frame_errors import summary
from tests.salts import write_salts

ASKED = {"dataset": "tiny", "part": "all", "most": "12"}


@pytest.fixture
def tiny(home):
    write_salts(home, forces=True)


def expected(model, elements=()):
    found = LabelledStudy(model=model, dataset="tiny", part="all", most=12).compute(silent).frames
    kept = found.only(containing(found, elements, any_of=False))
    return {kind: summary(kept.compared(kind), kind)["mae"] for kind in kept.kinds}


def test_numbers_and_figures_are_of_the_chosen_frames(tiny, visit):
    at = visit("compare", **ASKED)
    assert not at.error, at.error
    table = at.dataframe[0].value.set_index("model")
    assert table.index.tolist() == ["chgnet-0.3.0", "chgnet-r2scan"]
    for model in table.index:
        for kind, value in expected(model).items():
            assert table.loc[model, kind] == pytest.approx(value)
    assert len(at.get("plotly_chart")) == 2
    (line,) = [code.value for code in at.code if code.value.startswith("atomref")]
    found = CliRunner().invoke(cli, [*shlex.split(line)[1:], "--json"])
    told = json.loads(found.stdout)["models"]
    assert [one["model"] for one in told] == table.index.tolist()
    for one in told:
        assert one["energy_mae_mev_per_atom"] == pytest.approx(table.loc[one["model"], "energy"])
    found = CliRunner().invoke(cli, [*shlex.split(line)[1:], "--distance-by", "mine"])
    assert "mine is none of the models" in found.stderr
    (warning,) = at.warning
    assert "predicts GGA/GGA+U, and the labels are r2SCAN" in warning.value.replace("\\", "")


def test_a_filter_recomputes_the_page_and_the_command(tiny, visit):
    element = "O"
    at = visit("compare", **ASKED, elements=[element], models="chgnet-r2scan", view="By group")
    assert not at.error, at.error
    row = at.dataframe[0].value.iloc[0]
    values = expected("chgnet-r2scan", [element])
    assert row["energy"] == pytest.approx(values["energy"])
    assert not np.isclose(row["energy"], expected("chgnet-r2scan")["energy"])
    (line,) = [code.value for code in at.code if code.value.startswith("atomref")]
    found = CliRunner().invoke(cli, [*shlex.split(line)[1:], "--json"])
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert told["energy_mae_mev_per_atom"] == pytest.approx(values["energy"])
    assert element in {group["group"] for group in told["groups"]}


def test_worst_frames_have_structures(tiny, visit):
    at = visit("compare", **ASKED, models="chgnet-r2scan", view="Worst frames")
    assert not at.error, at.error
    errors = at.dataframe[1].value["error"]
    assert errors.is_monotonic_decreasing
    assert len(at.get("plotly_chart")) == 1


def test_without_a_model_the_page_says_what_to_do(tiny, visit):
    at = visit("compare", **ASKED, models="")
    at.multiselect(key="models").set_value([]).run()
    assert any("at least one model" in one.value for one in at.info)
