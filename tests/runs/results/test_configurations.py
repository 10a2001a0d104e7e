"""Settings of runs beside one another."""

import pytest

from core.runs.process.local import create
from core.runs.results.configurations import choices, difference, differing, matching, settings_of
from core.training.settings.config import LossRatios, RunConfig
from core.training.settings.flags import FLAGS


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))


@pytest.fixture
def runs():
    configs = [
        RunConfig(dataset="toy", name="First try", learning_rate=2e-3, seed=10),
        RunConfig(dataset="toy", name="second", method="refit", seed=9, frozen=("conv0", "conv1")),
        RunConfig(dataset="other", loss=LossRatios(force=0.0), seed=9, frames=100),
    ]
    return [create(config) for config in configs]


def test_every_setting_has_a_text():
    told = settings_of(RunConfig(dataset="toy", block_rates={"conv0": 0.5, "readout": 2.0}))
    assert set(told) == set(FLAGS)
    assert told["block_rates"] == "conv0 0.5, readout 2"
    assert told["frames"] == told["name"] == told["frozen"] == "not set"
    assert told["weight_decay"] == "0"
    assert told["learning_rate"] == "0.001"


def test_settings_that_differ(runs):
    found = differing(runs)
    assert list(found) == [
        "method", "dataset", "frames", "learning_rate", "frozen", "loss.force", "seed",
    ]  # fmt: skip
    assert found["seed"] == ["9", "10"]
    assert found["frames"] == ["100", "not set"]
    assert "seed = 10" in choices(runs)
    assert choices(runs[:1]) == choices([]) == []


def test_filters(runs):
    one, two, three = runs
    assert matching(runs) == runs
    assert matching(runs, words="TRY first") == [one]
    assert matching(runs, words=three.id[-4:]) == [three]
    assert matching(runs, words="nobody") == []
    assert matching(runs, conditions=["seed = 9"]) == [two, three]
    assert matching(runs, conditions=["seed = 9", "seed = 10", "dataset = toy"]) == [one, two]
    assert matching(runs, conditions=["frozen = conv0, conv1"]) == [two]
    assert matching(runs, words="second", conditions=["seed = 10"]) == []
    assert matching(runs, conditions=["nonsense"]) == []


def test_difference_of_two(runs):
    table = difference(runs[0], runs[1])
    assert table["setting"].tolist() == ["method", "learning_rate", "frozen", "seed", "name"]
    assert table.iloc[1].tolist() == ["learning_rate", "0.002", "0.001"]
    assert len(table.columns) == 3
    assert difference(runs[0], runs[0].__class__(runs[0].path)).empty
