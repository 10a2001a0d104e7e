"""Units, signs and extents of labels against a pretrained model's predictions."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from core.frames.registry import open_dataset
from core.frames.schema import Card
from core.frames.store import open_frames, write_frames
from core.frames.units import EV_PER_A3, HARTREE, unit_named
from core.transfer.label_check import array_findings, array_predictions, energy_unit_findings
from core.transfer.label_slopes import array_finding, energy_finding, ratio_finding, slope
from core.transfer.source_model import SourceModel


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    return tmp_path


def check_labels(frame_set, source, rows=None):
    """Energies, forces and stresses against the model, as the doctor compares them."""
    rows = np.arange(len(frame_set)) if rows is None else rows
    predicted = array_predictions(frame_set, source, rows)
    return [*energy_unit_findings(frame_set, source, rows), *array_findings(predicted)]


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_the_slope_has_the_least_absolute_deviation(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 25))
    y += rng.normal() * x
    found = slope(y, x)
    loss = lambda b: np.abs(y - b * x).sum()  # noqa: E731
    assert loss(found.value) <= minimize_scalar(loss, bracket=(-10, 10)).fun + 1e-9


def other_functional(values, rng, spread=0.4):
    """Labels of another functional: softer or stiffer, with noise as between GGA and r2SCAN."""
    return rng.uniform(0.8, 1.25) * values + spread * values.std() * rng.normal(size=values.shape)


FORCES = ["-eV/Å", "meV/Å", "Ha/bohr", "-Ha/bohr", "Ry/bohr", "kcal/mol/Å", "kJ/mol/Å", "eV/nm"]
STRESSES = ["-GPa", "kBar", "-kBar", "eV/Å³", "-eV/Å³", "Ha/bohr³", "Ry/bohr³"]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("unit", FORCES)
def test_units_of_forces(unit, seed):
    rng = np.random.default_rng(seed)
    predicted = rng.normal(0, 0.5, (200, 3))
    labels = other_functional(predicted, rng)
    assert array_finding("forces", labels, predicted) is None
    finding = array_finding("forces", labels / unit_named("forces", unit).factor, predicted)
    assert finding.kind == "force_unit"
    assert f"--unit forces={unit}" in finding.remedy or unit in finding.message


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("unit", "pressure"),
    [(unit, 0) for unit in [*STRESSES, "eV virial", "-eV virial"]] + [(it, 9) for it in STRESSES],
)
def test_units_of_stresses(unit, pressure, seed):
    """The other functional may be at rest at other volumes: then its stresses share a pressure."""
    rng = np.random.default_rng(seed)
    volumes = rng.uniform(20, 400, 30)
    predicted = rng.normal(0, 1, (30, 3, 3))
    predicted += predicted.transpose(0, 2, 1)
    labels = other_functional(predicted, rng, spread=0.2)
    labels = (labels + labels.transpose(0, 2, 1)) / 2 - pressure * np.eye(3)
    assert array_finding("stress", labels, predicted, volumes) is None
    stated = unit_named("stress", unit)
    written = labels / stated.factor
    if stated.is_virial:
        written = written * -volumes[:, None, None] / EV_PER_A3
    finding = array_finding("stress", written, predicted, volumes)
    assert finding.kind == "stress_unit"
    assert f"--unit stress={unit}." in finding.remedy


def test_shear_in_another_order():
    rng = np.random.default_rng(0)
    predicted = rng.normal(0, 3, (30, 3, 3))
    predicted += predicted.transpose(0, 2, 1)
    labels = predicted.copy()
    # VASP's xy yz zx read as ASE's yz xz xy
    for (i, j), (k, m) in {(1, 2): (0, 1), (0, 2): (1, 2), (0, 1): (0, 2)}.items():
        labels[:, i, j] = labels[:, j, i] = predicted[:, k, m]
    finding = array_finding("stress", labels, predicted, np.full(30, 100.0))
    assert finding.kind == "stress_order"
    assert "yz holds xy" in finding.message


def test_nothing_is_said_of_small_numbers_or_few():
    rng = np.random.default_rng(0)
    small = rng.normal(0, 1e-3, (200, 3))
    assert array_finding("forces", -small, small) is None
    few = rng.normal(0, 1, (5, 3))
    assert array_finding("forces", -few, few) is None
    unrelated = rng.normal(0, 1, (2, 300, 3))
    assert array_finding("forces", *unrelated) is None


@pytest.mark.parametrize("name", ["-eV", "meV", "Ha", "Ry", "kJ/mol", "kcal/mol", "mHa"])
def test_units_of_energies(name):
    rng = np.random.default_rng(1)
    X = np.zeros((120, 94))
    X[:, [7, 25, 2]] = rng.dirichlet([2, 2, 2], 120)
    atoms = rng.integers(2, 40, 120)
    interaction = rng.normal(-1, 0.3, 120)
    energies = X @ np.full(94, -5.0) + other_functional(interaction, rng)
    assert energy_finding(X, atoms, energies, interaction) is None
    unit = unit_named("energy", f"{name}/atom")
    finding = energy_finding(X, atoms, energies / unit.factor, interaction)
    assert f"--unit energy={unit.name}." in finding.remedy
    cells = energy_finding(X, atoms, energies * atoms, interaction)
    assert "--unit energy=eV/cell" in cells.remedy
    same = np.full(120, 8)
    assert "eV/cell" in energy_finding(X, same, energies * 8, interaction).remedy


@pytest.mark.parametrize("name", ["-eV", "meV", "Ha", "Ry", "kJ/mol", "kcal/mol"])
@pytest.mark.parametrize("per", ["atom", "cell"])
def test_units_of_few_energies_of_many_elements(name, per):
    rng = np.random.default_rng(1)
    X = rng.dirichlet(np.full(94, 0.02), 30)
    atoms = rng.integers(2, 40, 30)
    expected = X @ rng.uniform(-12, -2, 94) + rng.normal(-1, 0.3, 30)
    energies = X @ rng.normal(-1, 0.5, 94) + expected
    assert ratio_finding(X, atoms, energies, expected) is None
    unit = unit_named("energy", f"{name}/{per}")
    finding = ratio_finding(
        X, atoms, unit.energies(energies, atoms=1 / atoms) / unit.factor**2, expected
    )
    assert f"--unit energy={unit.name}." in finding.remedy
    # another zero is another factor for every element
    zero = X @ -(np.linspace(1, 94, 94) ** 2.4)
    assert ratio_finding(X, atoms, zero, expected) is None


@pytest.mark.parametrize("name", ["mp-frames-gga", "mp-frames-r2scan"])
@pytest.mark.parametrize("model", ["chgnet-0.3.0", "chgnet-r2scan"])
def test_right_labels_of_either_functional_raise_nothing(name, model):
    data = open_dataset(name)
    rows = np.flatnonzero(data.n_atoms() <= 8)[:100]
    assert check_labels(data, SourceModel(model, "cpu", 1), rows=rows) == []


def test_a_data_set_with_every_label_wrong(home):
    source = open_dataset("mp-frames-r2scan")
    small = np.flatnonzero(source.n_atoms() <= 12)[:120]
    frames = [
        replace(
            frame,
            energy_per_atom=frame.energy_per_atom / HARTREE,
            forces=None if frame.forces is None else -frame.forces,
            stress=None if frame.stress is None else -10 * frame.stress,
        )
        for frame in source.frames(small)
    ]
    card = Card(name="wrong", kind="frames", functional="r2SCAN")
    write_frames(home / "wrong", card, frames)
    found = check_labels(open_frames(home / "wrong"), SourceModel("chgnet-r2scan", "cpu", 1))
    assert {one.kind for one in found} == {"energy_unit", "force_unit", "stress_unit"}
    text = " ".join(one.text for one in found)
    for flag in ("energy=Ha/atom", "forces=-eV/Å", "stress=kBar"):
        assert f"--unit {flag}." in text
    assert found[0].as_dict().keys() == {"kind", "severity", "message"}


def test_energies_of_another_zero_are_named(home):
    source = open_dataset("mp-frames-r2scan")
    small = np.flatnonzero(source.n_atoms() <= 12)[:120]
    shift = source.fractions()[small] @ np.linspace(-200, -30_000, 94)
    frames = [
        replace(frame, energy_per_atom=frame.energy_per_atom + more, forces=None, stress=None)
        for frame, more in zip(source.frames(small), shift, strict=True)
    ]
    card = Card(name="zero", kind="frames", functional="r2SCAN")
    write_frames(home / "zero", card, frames)
    (finding,) = check_labels(open_frames(home / "zero"), SourceModel("chgnet-r2scan", "cpu", 1))
    assert (finding.kind, finding.severity) == ("energy_zero", "info")
