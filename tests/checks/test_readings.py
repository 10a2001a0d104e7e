"""Whole columns read in the wrong unit, seen beside the embedded energies."""

import numpy as np
import pytest

from core.checks.expected import expected_energies
from core.checks.readings import sizes_of, whole_finding
from core.elements import INDEX
from core.frames.registry import open_frame_set

NAMES = {"mp-frames-gga": "GGA/GGA+U", "mp-frames-r2scan": "r2SCAN"}
UNITS = {
    "eV/cell": lambda e, n: e * n,
    "Ha/atom": lambda e, _: e / 27.211386,
    "Ry/cell": lambda e, n: e * n / 13.605693,
    "kJ/mol/atom": lambda e, _: e * 96.485332,
    "-eV/atom": lambda e, _: -e,
}


@pytest.fixture(scope="module")
def labels():
    found = {}
    for name, functional in NAMES.items():
        data = open_frame_set(name)
        X = data.fractions()
        expected = expected_energies(X, functional)
        found[name] = (data.energies(), expected, X, data.n_atoms(), data.formulas())
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [8, 20, 300])
@pytest.mark.parametrize("unit", UNITS)
def test_units_and_extents_are_named(labels, name, n, unit):
    for seed in range(10):
        rows = np.random.default_rng(seed).permutation(len(labels[name][0]))[:n]
        energies, expected, X, atoms, formulas = (values[rows] for values in labels[name])
        sizes = sizes_of(formulas, atoms)
        assert whole_finding(energies, expected, X, sizes) is None
        changed = UNITS[unit](energies, atoms)
        if np.median(np.abs(np.log(np.abs(changed / energies)))) < 0.5 and unit[0] != "-":
            continue  # A total of 14 atoms in Rydberg is as large as the energy per atom in eV.
        finding = whole_finding(changed, expected, X, sizes)
        assert finding.kind == ("energy_extent" if unit.endswith("cell") else "energy_unit")
        assert finding.remedy == f"If so, import them with --unit energy={unit}."
        divided = whole_finding(energies / atoms, expected, X, sizes)
        assert "read as totals of the cell" in divided.message


def test_cells_of_as_many_atoms_are_told_from_rydberg(labels):
    energies, expected, X, _, formulas = (values[:200:3] for values in labels["mp-frames-gga"])
    twelve = np.full(len(X), 12)
    finding = whole_finding(energies / 12, expected, X, sizes_of(formulas, twelve))
    assert "read as totals of the cell" in finding.message


def test_another_zero_is_no_unit(labels):
    energies, expected, X, atoms, formulas = labels["mp-frames-gga"]
    sizes = sizes_of(formulas, atoms)
    zero = energies + X @ np.linspace(-20, -30_000, 94)
    assert whole_finding(zero, expected, X, sizes) is None
    # Another code's energies of one compound are some factor of the expected ones by chance.
    one = np.zeros((40, 94))
    one[:, INDEX["Si"]] = 1.0
    alike = {"cell": np.full(40, 20), "f.u.": np.ones(40, int)}
    assert whole_finding(np.full(40, -107.0), np.full(40, -5.4), one, alike) is None


def test_more_than_half_of_the_energies_are_not_all(labels):
    energies, expected, X, atoms, formulas = (values[::4] for values in labels["mp-frames-gga"])
    most = np.where(np.arange(len(X)) % 10 < 6, energies * atoms, energies)
    assert whole_finding(most, expected, X, sizes_of(formulas, atoms)) is None
