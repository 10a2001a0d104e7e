"""Rows in another unit, put among the embedded energies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.checks.expected import expected_energies
from core.checks.two_sources import functional_mixture_finding, unit_mixture_finding
from core.elements import fractions_from_formulas
from core.frames.registry import open_frame_set

FUNCTIONALS = {"mp-frames-gga": "GGA/GGA+U", "mp-frames-r2scan": "r2SCAN"}


@pytest.fixture(scope="module")
def labels():
    """Energies by data set, with what composition says of them, and the cells."""
    found = {}
    for name, functional in FUNCTIONALS.items():
        data = open_frame_set(name)
        X = data.fractions()
        found[name] = (data.energies(), expected_energies(X, functional), X, data.n_atoms())
    return found


def checked(energies, expected, X, n_atoms):
    names = np.array([f"mp-{i}" for i in range(len(X))], object)
    return unit_mixture_finding(energies, expected, X, {"cell": n_atoms}, names)


WRONG = {
    "in eV/cell": lambda e, n: e * n,
    "in Ha/cell": lambda e, n: e * n / 27.211386,
    "in Ha/atom": lambda e, _: e / 27.211386,
    "in Ry/atom": lambda e, _: e / 13.605693,
    "in meV/atom": lambda e, _: e * 1000,
    "in kJ/mol/atom": lambda e, _: e * 96.485332,
    "in -eV/atom": lambda e, _: -e,
    "divided once more by the atoms of the cell": lambda e, n: e / n,
}


@pytest.mark.parametrize("name", FUNCTIONALS)
@pytest.mark.parametrize("words", WRONG)
def test_rows_in_another_unit_are_named(labels, name, words):
    n_found = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        cells = labels[name][3]
        chosen = rng.permutation(np.flatnonzero(cells > 2))[: rng.integers(150, 1000)]
        energies, expected, X, n_atoms = (values[chosen] for values in labels[name])
        wrong = rng.random(len(energies)) < rng.uniform(0.08, 0.3)
        mixed = np.where(wrong, WRONG[words](energies, n_atoms), energies)
        finding = checked(mixed, expected, X, n_atoms)
        if finding is None:
            continue
        n_found += 1
        assert (finding.kind, finding.severity) == ("unit_mixture", "error")
        assert words in finding.message
        assert wrong[list(finding.rows)].all()
        # A total of 27 atoms in hartree is as large as the energy per atom in eV.
        moved = np.abs(np.log(np.abs(mixed / energies))) > 0.7
        moved |= mixed * energies < 0
        assert len(finding.rows) > 0.7 * (wrong & moved).sum()
    assert n_found >= 19


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(list(FUNCTIONALS)),
    share=st.floats(0, 0.5),
    seed=st.integers(0, 2**20),
    n=st.integers(30, 1000),
)
def test_two_functionals_are_no_units(labels, name, share, seed, n):
    rng = np.random.default_rng(seed)
    energies, expected, X, n_atoms = labels[name]
    others = labels[next(other for other in FUNCTIONALS if other != name)][0]
    chosen = rng.permutation(len(X))[:n]
    mixed = np.where(rng.random(len(X)) < share, others, energies)[chosen]
    assert checked(mixed, expected[chosen], X[chosen], n_atoms[chosen]) is None


@pytest.mark.parametrize("name", FUNCTIONALS)
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.8])
def test_rows_in_another_functional_are_named(labels, name, share):
    other = next(one for one in FUNCTIONALS if one != name)
    n_found = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(len(labels[name][0]))[: rng.integers(60, 1000)]
        energies, expected, X, _ = (values[chosen] for values in labels[name])
        others, expected_other, _, _ = (values[chosen] for values in labels[other])
        wrong = rng.random(len(X)) < share
        both = {FUNCTIONALS[name]: expected, FUNCTIONALS[other]: expected_other}
        names = np.array([f"mp-{i}" for i in range(len(X))], object)
        mixed = np.where(wrong, others, energies)
        assert functional_mixture_finding(energies, both, X, names) is None
        assert functional_mixture_finding(others, both, X, names).kind == "functional"
        finding = functional_mixture_finding(mixed, both, X, names)
        if finding is None:
            continue
        n_found += 1
        assert (finding.kind, finding.severity) == ("energy_mixture", "error")
        smaller = wrong if wrong.mean() < 0.5 else ~wrong
        # Both parts may be as large by chance.
        assert smaller[list(finding.rows)].all() or (~smaller)[list(finding.rows)].all()
    assert n_found >= 19


@pytest.mark.parametrize("name", FUNCTIONALS)
def test_nothing_is_said_of_what_has_no_scale(labels, name):
    energies, expected, X, n_atoms = labels[name]
    shuffled = np.random.default_rng(0).permutation(energies)
    for values in (shuffled, energies * n_atoms, energies - expected, np.full(len(X), np.nan)):
        assert checked(values, expected, X, n_atoms) is None
    assert checked(energies[:10], expected[:10], X[:10], n_atoms[:10]) is None


def test_a_part_of_one_compound_s_frames_is_named():
    rng = np.random.default_rng(0)
    X = np.tile(fractions_from_formulas(["LiCoO2"]), (200, 1))
    energies = expected_energies(X, "PBE") + rng.normal(0, 0.05, 200)
    n_atoms = rng.choice([4, 16, 32], 200)
    expected = expected_energies(X, "PBE")
    assert checked(energies, expected, X, n_atoms) is None
    wrong = rng.random(200) < 0.2
    finding = checked(np.where(wrong, energies * n_atoms, energies), expected, X, n_atoms)
    assert "in eV/cell" in finding.message
    assert finding.rows == np.flatnonzero(wrong).tolist()
