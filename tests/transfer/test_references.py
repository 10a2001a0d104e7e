"""Training that starts from reference energies of one's own."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.elements import INDEX
from core.errors import LabError
from core.potential.models import get_atomref, load_model
from core.training.settings.config import RunConfig
from core.training.step.setup import initial_atomref, initial_model
from core.transfer.references import method_atomref
from core.transfer.source_model import SourceModel

SOURCE = SourceModel("chgnet-0.3.0", "cpu", 1)
OWN = {"Na": -1.0, "K": 0.0, "Mg": -2.5, "Fe": -8.0, "Cl": -0.3, "O": -1.9, "S": -1.1}


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "e0.json"
    path.write_text(json.dumps(OWN))
    return str(path)


@pytest.mark.parametrize("method", ["scratch", "trainable", "frozen"])
def test_fixed_or_trained(complete, own, method):
    config = RunConfig(dataset="complete", method=method, atomref=own, device="cpu")
    rows = complete.split().train
    found = initial_atomref(config, complete, rows, threads=1, progress=lambda *_: None)
    model = initial_model(config, found["energies"], "cpu")
    weights = get_atomref(model)
    for symbol, energy in OWN.items():
        assert weights[INDEX[symbol]] == pytest.approx(energy, abs=1e-6)
    # elements that the data lack keep the model's own
    usual = get_atomref(load_model("chgnet-0.3.0"))
    assert weights[INDEX["U"]] == usual[INDEX["U"]]
    trained = model.composition_model.fc.weight.requires_grad
    assert trained == (method == "trainable")


def test_residual_is_pulled_toward_them(complete, own):
    rows = complete.split().train
    found = method_atomref("residual", complete, rows, SOURCE, strength=1e8, own=own)
    seen = found.counts > 0
    values = np.array([OWN[symbol] for symbol in found.fitted_energies()])
    np.testing.assert_allclose(found.energies[seen], values, atol=1e-3)


def test_an_element_that_they_lack_is_named(complete, tmp_path):
    path = tmp_path / "e0.csv"
    path.write_text("symbol,energy\nNa,-1\nCl,-2\n")
    rows = complete.split().train
    with pytest.raises(LabError, match=r"e0\.csv has no reference energy of O, "):
        method_atomref("frozen", complete, rows, SOURCE, strength=1e-2, own=str(path))
    with pytest.raises(LabError, match="refit fits its AtomRef to the data"):
        RunConfig.from_options({"dataset": "complete", "method": "refit", "atomref": str(path)})


def test_the_command_names_them(own, monkeypatch):
    monkeypatch.chdir(Path(own).parent)
    assert RunConfig(dataset="complete", method="frozen", atomref="e0.json").atomref == own
    config = RunConfig(dataset="complete", method="frozen", atomref=own)
    assert config.command.endswith(f"--atomref {own}")
