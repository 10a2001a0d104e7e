"""Forces that training moved without having labels for them, against stock chgnet."""

import copy

import numpy as np
import pytest
import torch
from pymatgen.core import Structure

from core.potential.models import load_model
from core.training.scoring.force_drift import DISPLACEMENT, displaced, force_drift
from core.training.settings.config import LossRatios, RunConfig
from core.training.settings.energies_only import drift_text, trains_energies_only


def test_displacements_have_their_size(complete):
    frame = complete.frame(0)
    moved = np.array(
        [
            (displaced(frame, seed).frac_coords - frame.frac_coords) @ frame.lattice
            for seed in range(200)
        ]
    )
    assert moved.std() == pytest.approx(DISPLACEMENT, rel=0.1)
    np.testing.assert_array_equal(displaced(frame, 3).frac_coords, displaced(frame, 3).frac_coords)


def test_the_drift_is_that_of_stock_chgnet(complete, stock):
    rows = complete.split().train[:3]
    model = load_model("chgnet-0.3.0")
    nothing = force_drift(complete, rows, pretrained=model, trained=model)
    assert nothing["after_mev_per_angstrom"] == 0
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.mlp.layers[-1].weight *= 1.3
    found = force_drift(complete, rows, pretrained=model, trained=other)
    assert found["n_frames"] == 3
    forces = []
    for row in rows.tolist():
        frame = displaced(complete.frame(row), row)
        structure = Structure(frame.lattice, frame.atomic_numbers, frame.frac_coords)
        forces.append(stock.predict_structure(structure)["f"])
    size = 1000 * np.abs(np.concatenate(forces)).mean()
    assert found["size_mev_per_angstrom"] == pytest.approx(size, rel=1e-3)
    # the last layer is linear, so all forces grow by as much
    assert found["after_mev_per_angstrom"] == pytest.approx(0.3 * size, rel=1e-3)
    assert f"forces {0.3 * size:.0f} meV/Å away" in drift_text(found)
    assert drift_text(None) == ""


@pytest.mark.parametrize(
    ("method", "labels", "force", "only"),
    [
        ("residual", ["energy"], 1.0, True),
        ("refit", ["energy", "magmom"], 1.0, True),
        ("residual", ["energy", "force"], 1.0, False),
        ("residual", ["energy", "force"], 0.0, True),
        ("scratch", ["energy"], 1.0, False),
    ],
)
def test_when_energies_are_alone(method, labels, force, only):
    config = RunConfig(dataset="any", method=method, loss=LossRatios(force=force))
    assert trains_energies_only(config, labels) == only
