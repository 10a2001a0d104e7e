"""What energies a model predicts, told without loading it."""

import pytest

from core.runs.record.model_energies import energies_of
from tests.pages.example_runs import make_run
from tests.salts import write_salts


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    return tmp_path


def test_released_models_and_runs_name_their_functional(home):
    released = energies_of("chgnet-0.3.0")
    assert (released.functional, released.corrections) == ("GGA/GGA+U", "MP2020")
    write_salts(home, forces=True)
    assert energies_of(make_run().id).functional == "r2SCAN"


def test_what_is_not_known_is_none(home):
    assert energies_of("no-such-run") is None
    assert energies_of(make_run().id) is None, "its data set is gone"
