"""The folder for the hub: stock chgnet reads its weights, and its card has the hub's metadata."""

import json

import numpy as np
import pytest
from chgnet.model import CHGNet
from ruamel.yaml import YAML

from core.errors import LabError
from core.potential.models import atomref_of, load_model, save_model
from core.runs.export.hub import export_hub
from core.runs.process import local


@pytest.fixture
def ended(lab):
    run = lab.new_run(method="refit", dataset="mp-frames-r2scan", seed=7)
    local.launch(run)
    lab.wait(run, "finished")
    extra = {"functional": 'r2SCAN: "x"', "elements": ["Li", "O"], "config": {"seed": 7}}
    save_model(run.best_checkpoint, load_model("chgnet-r2scan"), extra)
    return run


def test_it_holds_weights_config_and_card(ended, tmp_path):
    folder = tmp_path / "for-hub"
    files = export_hub(ended, folder)
    assert [file.name for file in files] == ["README.md", "config.json", "model.pth.tar"]
    stock = CHGNet.from_file(folder / "model.pth.tar")
    config = json.loads((folder / "config.json").read_text())
    assert config["model_args"] == json.loads(json.dumps(stock.model_args))
    assert config["elements"] == ["Li", "O"]
    atomref = list(config["atomref_ev_per_atom"].values())
    np.testing.assert_allclose(atomref, atomref_of("chgnet-r2scan"))
    _, metadata, text = (folder / "README.md").read_text().split("---\n", 2)
    told = YAML(typ="safe").load(metadata)
    assert told["library_name"] == "chgnet"
    assert told["tags"][-1] == 'r2SCAN: "x"'
    assert "# CHGNet for r2SCAN" in text
    assert "LAMMPS" in text
    assert "hf_hub_download" in text


def test_a_folder_that_exists_is_left_alone(ended, tmp_path):
    with pytest.raises(LabError, match="exists"):
        export_hub(ended, tmp_path)
    ended.best_checkpoint.unlink()
    with pytest.raises(LabError, match="no validated epoch"):
        export_hub(ended, tmp_path / "new")
    assert not (tmp_path / "new").exists()
