"""Draws from the posterior against the posterior itself, and their calibration."""

import numpy as np
import pytest

from core.errors import LabError
from core.potential.graph import convert
from core.potential.models import load_model, model_fingerprint, save_model
from core.potential.tangent.rows import energy_rows
from core.transfer.solved_model import solve_model
from core.transfer.source_model import SourceModel
from core.transfer.uncertainty import (
    WITHIN,
    Uncertainty,
    uncertainty_of,
    uncertainty_path,
    uncertainty_text,
)
from tests.labelled_lab import (  # noqa: F401
    energies_only,
    home,
    mixed_frames,
    one_thread,
    use_home,
)

RNG = np.random.default_rng(1)


@pytest.fixture
def solved(energies_only):
    return solve_model(
        energies_only, energies_only.split().train, SourceModel("chgnet-0.3.0", "cpu", 1)
    )


def made(**more):
    fields = {
        "parameters": {},
        "references": np.zeros((4, 94)),
        "noise": 0.02,
        "left_out": RNG.normal(size=40),
        "materials": np.arange(40),
    }
    return Uncertainty(**(fields | more))


def test_draws_have_the_deviation_of_the_posterior(energies_only, solved):
    """At the pretrained network, where the rows are those of the solve."""
    model = load_model("chgnet-0.3.0")
    frames = energies_only.frames(energies_only.split().test)
    graphs = [convert(f.atomic_numbers, f.frac_coords, f.lattice) for f in frames]
    graphs.append(
        convert(np.array([92, 9]), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]), 3.2 * np.eye(3))
    )
    counts = np.array([np.bincount(graph.atomic_numbers - 1, minlength=94) for graph in graphs])
    fractions = counts / counts.sum(axis=1, keepdims=True)
    rows = energy_rows(model, graphs).gradients
    exact = solved.posterior.deviation(fractions, rows, of_labels=True)
    found = solved.uncertainty.deviations(model, graphs)
    # 64 draws, whose spread has an error of 9 %.
    np.testing.assert_allclose(found, exact, rtol=0.4)
    assert found.mean() == pytest.approx(exact.mean(), rel=0.2)
    assert found[-1] > 1.5 * found[:-1].max()
    changes, atomrefs = solved.posterior.draws(1000, 5)
    draws = sum(rows[name] @ drawn.T for name, drawn in changes.items())
    draws += fractions @ atomrefs.T
    spread = np.sqrt((draws**2).mean(axis=1))
    np.testing.assert_allclose(spread, solved.posterior.deviation(fractions, rows), rtol=0.1)


def test_errors_of_materials_left_out_are_those_of_solves_without_them(energies_only, solved):
    """Against Gaussian conditioning on the other rows."""
    posterior = solved.posterior
    lower = np.tril(posterior.factor[0])
    covariance = lower @ lower.T
    n, total = len(posterior.fractions), len(covariance)
    groups = np.r_[0, 0, np.arange(1, n - 1)]
    data = RNG.normal(size=total)
    found = posterior.left_out(np.linalg.solve(covariance, data), groups)
    own, others = np.arange(2), np.arange(2, total)
    carry = covariance[np.ix_(own, others)] @ np.linalg.inv(covariance[np.ix_(others, others)])
    left = covariance[np.ix_(own, own)] - carry @ covariance[np.ix_(others, own)]
    expected = (data[own] - carry @ data[others]) / np.sqrt(np.diag(left))
    np.testing.assert_allclose(found[:2], expected, rtol=1e-5)


def test_calibration_makes_90_percent_of_held_out_materials_lie_within():
    true = 1.7
    ratios = true * np.abs(RNG.normal(size=2000))
    found = made().calibrated(ratios, np.arange(2000), model="m")
    assert (found.factor, found.n_held_out) == (pytest.approx(true, rel=0.06), 2000)
    assert (ratios / found.factor < WITHIN).mean() == pytest.approx(0.9, abs=0.002)
    assert "2,000 held-out materials" in uncertainty_text(found)
    # A material counts once, however many frames it has.
    many = np.r_[np.full(5000, 9.0), ratios]
    materials = np.r_[np.full(5000, 2000), np.arange(2000)]
    again = made().calibrated(many, materials, model="m")
    assert again.factor == pytest.approx(found.factor, rel=0.05)


def test_with_few_held_out_materials_training_materials_calibrate_too():
    found = made(left_out=3.0 * np.ones(40)).calibrated(np.ones(4), np.arange(4), model="m")
    assert (found.n_held_out, found.factor) == (44, pytest.approx(3.0 / WITHIN))
    none = made().calibrated(np.zeros(0), np.zeros(0, int), model="m")
    assert none.n_held_out == 40


def test_a_file_holds_it_and_belongs_to_one_model(solved, tmp_path):
    model = load_model("chgnet-0.3.0")
    file = tmp_path / "mine.pth.tar"
    save_model(file, model, {})
    assert uncertainty_of(str(file), model) is None
    assert uncertainty_of("chgnet-0.3.0", model) is None
    kept = solved.uncertainty.calibrated(
        np.ones(3), np.zeros(3, int), model=model_fingerprint(model)
    )
    path = uncertainty_path(file)
    assert path.name == "mine.uncertainty.npz"
    kept.save(path)
    assert path.stat().st_size < 6e6
    found = uncertainty_of(str(file), model)
    assert found.factor == kept.factor
    graph = convert(np.array([12, 8]), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]), 3.0 * np.eye(3))
    np.testing.assert_allclose(
        found.deviations(model, [graph]), kept.deviations(model, [graph]), rtol=1e-3
    )
    with pytest.raises(LabError, match="belongs to another model"):
        uncertainty_of(str(file), load_model("chgnet-r2scan"))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(LabError, match="cannot be read"):
        uncertainty_of(str(file), model)
    np.savez(path, references=np.zeros((4, 3)))
    with pytest.raises(LabError, match="cannot be read"):
        uncertainty_of(str(file), model)
