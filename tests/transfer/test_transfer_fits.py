"""AtomRef fits of whole data sets, against closed forms written here."""

import numpy as np
import pytest

from core.errors import LabError
from core.frames.registry import open_dataset
from core.frames.sources.table import pairs_from_table
from core.potential.models import get_atomref, load_model
from core.reference.priors import prior
from core.transfer.fits import fit_atomref
from core.transfer.interaction import interaction_energies

MODEL = "chgnet-0.3.0"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def pairs():
    return open_dataset("mp-structures")


def closed_form(X, y, prior_values, strength):
    A = X.T @ X + strength * np.eye(94)
    return np.linalg.solve(A, X.T @ y + strength * prior_values)


def fit(pairs, rows, energies, method, strength=0.3):
    return fit_atomref(
        pairs,
        rows,
        energies,
        method=method,
        functional="r2SCAN",
        source_model=MODEL,
        strength=strength,
    )


def test_each_fit_is_its_closed_form(pairs):
    rows = np.arange(0, len(pairs), 150)
    energies = pairs.energy("energy_r2scan_chgnet")[rows]
    X = pairs.fractions()[rows]
    pull = prior(get_atomref(load_model(MODEL)), "GGA/GGA+U", "r2SCAN").values
    ridge = fit(pairs, rows, energies, "ridge")
    np.testing.assert_allclose(ridge.energies, closed_form(X, energies, pull, 0.3), atol=1e-8)
    left = energies - interaction_energies(pairs, MODEL, indices=rows)
    residual = fit(pairs, rows, energies, "residual")
    np.testing.assert_allclose(residual.energies, closed_form(X, left, pull, 0.3), atol=1e-8)
    lstsq = fit(pairs, rows, energies, "lstsq")
    np.testing.assert_allclose(X @ lstsq.energies, X @ np.linalg.pinv(X) @ energies, atol=1e-6)


def test_the_network_explains_its_own_labels(pairs):
    rows = np.arange(0, len(pairs), 300)
    labels = pairs.energy("energy_gga_chgnet")[rows]
    interaction = interaction_energies(pairs, MODEL, indices=rows)
    contribution = pairs.fractions()[rows] @ get_atomref(load_model(MODEL))
    np.testing.assert_allclose(interaction + contribution, labels, atol=2e-5)


def test_rows_without_energy_are_passed_over(pairs):
    rows = np.arange(20)
    energies = pairs.energy("energy_r2scan_chgnet")[rows].copy()
    energies[3] = np.nan
    assert fit(pairs, rows, energies, "residual").n == 19


def test_residual_without_structures_is_told(home):
    (home / "t.csv").write_text("formula,energy_gga,energy_r2scan\nLiF,-4.8,-7.1\nFe,-8,-16\n")
    table = pairs_from_table(home / "t.csv")
    with pytest.raises(LabError, match="no structures"):
        fit(table, np.arange(2), table.energy("energy_r2scan"), "residual")
