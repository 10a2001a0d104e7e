"""AtomRef fits of whole data sets, against closed forms written here."""

import numpy as np
import pytest

from core.elements import INDEX
from core.errors import LabError
from core.frames.registry import open_dataset
from core.frames.tables.pair_table import pairs_from_table
from core.potential.models import get_atomref, load_model
from core.reference.fits.atomref import fit_huber
from core.reference.fits.priors import prior
from core.reference.fits.strength import strength_curve
from core.reference.shifts.hubbard import carrying_u
from core.reference.shifts.labelled import LabelledEnergies
from core.transfer.atomref_fits import fit_atomref
from core.transfer.interaction import interaction_energies
from core.transfer.source_model import SourceModel

MODEL = "chgnet-0.3.0"


@pytest.fixture(autouse=True, scope="module")
def home(tmp_path_factory):
    """One for all, so that interaction energies are computed once."""
    path = tmp_path_factory.mktemp("fits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATOMREF_LAB_HOME", str(path))
        yield path


@pytest.fixture(scope="module")
def pairs():
    return open_dataset("mp-structures")


def closed_form(X, y, prior_values, strength):
    A = X.T @ X + strength * np.eye(94)
    return np.linalg.solve(A, X.T @ y + strength * prior_values)


def fit(pairs, rows, energies, method, strength=0.3, **more):
    target = LabelledEnergies(
        data=pairs,
        rows=rows,
        energies=energies,
        functional="r2SCAN",
        labels="x",
        corrections="none",
    )
    return fit_atomref(target, method=method, source=SourceModel(MODEL), strength=strength, **more)


def fitted(*arguments, **more):
    return fit(*arguments, **more).atomref


def test_each_fit_is_its_closed_form(pairs):
    rows = np.arange(0, len(pairs), 150)
    energies = pairs.energy("energy_r2scan_chgnet")[rows]
    X = pairs.fractions()[rows]
    pull = prior(get_atomref(load_model(MODEL)), "GGA/GGA+U", "r2SCAN").energies
    ridge = fitted(pairs, rows, energies, "ridge")
    np.testing.assert_allclose(ridge.energies, closed_form(X, energies, pull, 0.3), atol=1e-8)
    left = energies - interaction_energies(pairs, SourceModel(MODEL), rows=rows)
    residual = fitted(pairs, rows, energies, "residual")
    np.testing.assert_allclose(residual.energies, closed_form(X, left, pull, 0.3), atol=1e-8)
    lstsq = fitted(pairs, rows, energies, "lstsq")
    np.testing.assert_allclose(X @ lstsq.energies, X @ np.linalg.pinv(X) @ energies, atol=1e-6)


def test_the_network_explains_its_own_labels(pairs):
    rows = np.arange(0, len(pairs), 300)
    labels = pairs.energy("energy_gga_chgnet")[rows]
    interaction = interaction_energies(pairs, SourceModel(MODEL), rows=rows)
    contribution = pairs.fractions()[rows] @ get_atomref(load_model(MODEL))
    np.testing.assert_allclose(interaction + contribution, labels, atol=2e-5)


def test_rows_without_energy_are_passed_over(pairs):
    rows = np.arange(20)
    energies = pairs.energy("energy_r2scan_chgnet")[rows].copy()
    energies[3] = np.nan
    assert fitted(pairs, rows, energies, "residual").n == 19


def test_residual_without_structures_is_told(home):
    (home / "t.csv").write_text("formula,energy_gga,energy_r2scan\nLiF,-4.8,-7.1\nFe,-8,-16\n")
    table = pairs_from_table(home / "t.csv")
    with pytest.raises(LabError, match="no structures"):
        fitted(table, np.arange(2), table.energy("energy_r2scan"), "residual")


def test_huber_needs_no_prior(pairs):
    rows = np.arange(0, len(pairs), 20)
    energies = pairs.energy("energy_r2scan_chgnet")[rows]
    found = fitted(pairs, rows, energies, "huber")
    expected = fit_huber(pairs.fractions()[rows], energies, functional="r2SCAN")
    np.testing.assert_array_equal(found.energies, expected.energies)
    assert (found.method, found.labels, found.corrections) == ("huber", "x", "none")
    assert found.prior_used is None


@pytest.mark.parametrize("start", ["source", "crystal", "atom"])
def test_priors_of_every_kind(pairs, start):
    rows = np.arange(0, len(pairs), 150)
    energies = pairs.energy("energy_r2scan_chgnet")[rows]
    found = fitted(pairs, rows, energies, "ridge", strength=1e9, start=start)
    pull = prior(get_atomref(load_model(MODEL)), "GGA/GGA+U", "r2SCAN", start)
    np.testing.assert_allclose(found.energies, pull.energies, atol=1e-3)
    assert found.prior_used == pull.description


def test_prior_of_a_file_and_of_no_file(pairs, home):
    rows = np.arange(0, len(pairs), 150)
    energies = pairs.energy("energy_r2scan_chgnet")[rows]
    mine = fitted(pairs, rows, energies, "lstsq")
    mine.write(home / "mine.json")
    found = fitted(pairs, rows, energies, "ridge", start=str(home / "mine.json"))
    seen = mine.counts > 0
    np.testing.assert_allclose(found.energies[seen], mine.energies[seen], atol=1e-6)
    # what it lacks comes from the model
    usual = prior(get_atomref(load_model(MODEL)), "GGA/GGA+U", "r2SCAN").energies
    np.testing.assert_array_equal(found.energies[~seen], usual[~seen])
    assert f"AtomRef of mine.json of {seen.sum()} elements" in found.prior_used
    with pytest.raises(LabError, match="crystals is neither a saved AtomRef nor a file"):
        fitted(pairs, rows, energies, "ridge", start="crystals")


def test_auto_takes_the_best_strength(pairs):
    rows = np.arange(0, len(pairs), 20)
    energies = pairs.energy("energy_r2scan_chgnet")[rows]
    chosen = fit(pairs, rows, energies, "ridge", strength="auto")
    found = chosen.atomref
    pull = prior(get_atomref(load_model(MODEL)), "GGA/GGA+U", "r2SCAN").energies
    materials = pairs.table()["material_id"].to_numpy()[rows]
    curve = strength_curve(pairs.fractions()[rows], energies, materials, prior=pull)
    assert found.strength == curve.best == chosen.curve.best != 1e-2
    np.testing.assert_allclose(
        found.energies,
        closed_form(pairs.fractions()[rows], energies, pull, curve.best),
        atol=1e-8,
    )


def test_a_fit_holds_its_data(pairs):
    rows = np.arange(0, len(pairs), 300)
    energies = pairs.energy("energy_r2scan_chgnet")[rows]
    found = fit(pairs, rows, energies, "residual")
    left = energies - interaction_energies(pairs, SourceModel(MODEL), rows=rows)
    np.testing.assert_array_equal(found.energies, left)
    np.testing.assert_array_equal(found.rows, rows)
    assert found.materials.tolist() == pairs.table()["material_id"].iloc[rows].tolist()
    misfit = left - found.fractions @ found.atomref.energies
    assert found.mae == pytest.approx(np.abs(misfit).mean())


@pytest.mark.parametrize("method", ["lstsq", "ridge"])
def test_what_u_adds_is_fitted_beside_the_references(pairs, method):
    rows = np.arange(0, len(pairs), 2)
    X = pairs.fractions()[rows]
    expected = prior(get_atomref(load_model(MODEL)), "GGA/GGA+U", "GGA/GGA+U").energies
    carried = carrying_u(pairs, "GGA/GGA+U", rows)
    iron = carried[:, [INDEX["Fe"]]].toarray().ravel()
    target = LabelledEnergies(
        data=pairs,
        rows=rows,
        energies=X @ expected + 2.2 * iron,
        functional="GGA/GGA+U",
        labels="x",
        corrections="none",
    )
    source = SourceModel(MODEL)
    found = fit_atomref(target, method=method, source=source, strength=1e-3, separate_u=True)
    table = found.u_shifts.table().set_index("symbol")["shift"]
    assert table["Fe"] == pytest.approx(2.2, abs=1e-6)
    assert table.drop("Fe").abs().max() < 1e-6
    np.testing.assert_allclose(found.atomref.contribution(X), X @ expected, atol=1e-6)
    without = fit_atomref(target, method=method, source=source, strength=1e-3)
    assert without.u_shifts is None
    assert without.mae > 1e-3 > found.mae
