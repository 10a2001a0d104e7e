"""What a model has forgotten, against stock chgnet and models whose change is known."""

import copy

import numpy as np
import pytest
import torch
from pymatgen.core import Structure

from core.potential.examples import load_examples
from core.potential.models import get_atomref, load_model
from core.training.scoring.forgetting import COMPRESSION, forgotten
from core.training.settings.report import forgotten_rows
from core.training.step.feed import Replay

ENERGY, FORCE = "energy_mae_mev_per_atom", "force_mae_mev_per_angstrom"


@pytest.fixture(scope="module")
def models():
    """A model, and one whose interaction energies are 1.3 times as large."""
    model = load_model("chgnet-0.3.0")
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.mlp.layers[-1].weight *= 1.3
        other.mlp.layers[-1].bias *= 1.3
    return {"pretrained": model, "trained": other}


def test_nothing_is_forgotten_by_the_same_model(complete, models):
    model = models["pretrained"]
    found = forgotten(complete, np.arange(6), pretrained=model, trained=model)
    assert found["source"]["before"] == found["source"]["after"]
    assert found["source"]["after"][ENERGY] == 0
    assert found["displaced"]["after_mev_per_angstrom"] == 0
    assert found["volumes"] is None or found["volumes"]["after_percent"] == 0
    assert found["dimers"]["falling_before"] == found["dimers"]["falling_after"]


def test_energies_that_are_larger_by_a_factor(complete, models, stock):
    rows = np.arange(5)
    found = forgotten(complete, rows, **models)
    structures = [
        Structure(one.lattice, one.atomic_numbers, one.frac_coords) for one in complete.frames(rows)
    ]
    atomref = get_atomref(models["pretrained"])
    added = [
        stock.predict_structure(one)["e"] - np.mean([atomref[z - 1] for z in one.atomic_numbers])
        for one in structures
    ]
    after = found["source"]["after"]
    assert after[ENERGY] == pytest.approx(300 * np.abs(added).mean(), rel=1e-3)
    for one in structures:
        one.scale_lattice(COMPRESSION**3 * one.volume)
    forces = [stock.predict_structure(one)["f"] for one in structures]
    size = 1000 * np.abs(np.concatenate(forces)).mean()
    assert found["compressed"]["size_mev_per_angstrom"] == pytest.approx(size, rel=1e-3)
    assert found["compressed"]["after_mev_per_angstrom"] == pytest.approx(0.3 * size, rel=1e-3)
    # a factor moves no minimum
    assert found["volumes"] is None or found["volumes"]["after_percent"] < 1e-3
    assert found["dimers"]["falling_before"] == found["dimers"]["falling_after"]
    told = forgotten_rows(found)
    assert [row["measure"] for row in told][:2] == [
        "Energy MAE, source functional",
        "Force MAE, source functional",
    ]
    assert any("compressed" in row["on"] for row in told)
    assert forgotten_rows(None) == []


def test_held_out_frames_of_a_replay_are_judged_by_their_labels(complete, models):
    """Labels here are 1.1 times the pretrained model's forces, so the other model is as far off."""
    rows = np.arange(10)
    replay = Replay(
        examples=load_examples(complete, rows),
        held_out=np.arange(10, 24),
        atomref=np.zeros(94),
        data=complete,
    )
    source = forgotten(complete, rows, **models, replay=replay)["source"]
    assert (source["n_frames"], source["pseudolabels"]) == (14, False)
    before, after = source["before"][FORCE], source["after"][FORCE]
    assert after == pytest.approx(2 * before, rel=1e-3)
