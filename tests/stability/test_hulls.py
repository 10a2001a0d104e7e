"""Hulls beside pymatgen's PhaseDiagram."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from core.elements import INDEX, N_ELEMENTS, SYMBOLS, fractions_from_formulas
from core.errors import LabError
from core.reference.formation.energies import ElementReferences
from core.stability import compositions
from core.stability.hulls import HullResult, hulls
from core.stability.phases import EnergySource, Phases

PBE = EnergySource(functional="PBE", corrections="none")


def make(energies: dict[str, float] | list[tuple[str, float]]) -> Phases:
    pairs = list(energies.items()) if isinstance(energies, dict) else energies
    formulas = [formula for formula, _ in pairs]
    return Phases.of(
        formulas,
        fractions_from_formulas(formulas),
        np.array([energy for _, energy in pairs]),
        PBE,
    )


def generated(seed: int, *, symbols: str, n: int, grid: float = 0.0) -> Phases:
    """Phases of random composition, with polymorphs; a grid of energies makes ties."""
    rng = np.random.default_rng(seed)
    names = symbols.split()
    pairs = [(name, float(rng.normal(-3, 2))) for name in names]
    elements = dict(pairs)
    for _ in range(n):
        chosen = rng.choice(names, rng.integers(1, len(names) + 1), replace=False)
        counts = rng.integers(1, 4, len(chosen))
        energy = sum(elements[s] * c for s, c in zip(chosen, counts, strict=True)) / counts.sum()
        shift = rng.normal(-0.2, 0.4)
        shift = round(shift / grid) * grid if grid else shift
        formula = "".join(f"{s}{c}" for s, c in zip(chosen, counts, strict=True))
        pairs.append((formula, float(energy + shift)))
    return make(pairs)


def check(phases: Phases, found: HullResult) -> None:
    """Compare with pymatgen, which finds decompositions by another hull instead of SLSQP."""
    entries = [
        PDEntry(Composition(formula), energy * Composition(formula).num_atoms)
        for formula, energy in zip(phases.formulas, phases.energies, strict=True)
    ]
    whole = PhaseDiagram(entries)
    for i, entry in enumerate(entries):
        assert found.above_hull[i] == pytest.approx(whole.get_e_above_hull(entry), abs=1e-9)
        assert found.formation_energy[i] == pytest.approx(
            whole.get_form_energy_per_atom(entry), abs=1e-9
        )
        mixture = found.competing(i)
        amounts = np.array([amount for _, amount in mixture])
        members = [member for member, _ in mixture]
        assert amounts @ phases.fractions[members] == pytest.approx(phases.fractions[i], abs=1e-9)
        assert found.decomposition_energy[i] == pytest.approx(
            phases.energies[i] - amounts @ phases.energies[members], abs=1e-9
        )
        if entry.is_element:
            continue
        reduced = entry.composition.reduced_composition
        others = [e for e in entries if e.composition.reduced_composition != reduced]
        rest = PhaseDiagram(others).get_hull_energy_per_atom(entry.composition)
        assert found.decomposition_energy[i] == pytest.approx(
            entry.energy_per_atom - rest, abs=1e-9
        )


@pytest.mark.parametrize("seed", range(3))
def test_generated_systems_equal_pymatgens(seed):
    phases = generated(seed, symbols=("Li O", "Li Co O", "Li Na Co O")[seed % 3], n=25)
    check(phases, hulls(phases))


@pytest.mark.parametrize("seed", range(2))
def test_ties_and_coplanar_phases_equal_pymatgens(seed):
    phases = generated(seed, symbols="Li Fe O", n=25, grid=0.25)
    check(phases, hulls(phases))


ENERGIES = st.one_of(st.floats(-8, 2), st.integers(-4, 1).map(float))
"""eV/atom; whole numbers make ties and phases in one plane."""
COMPOUNDS = st.lists(
    st.tuples(
        st.tuples(*[st.integers(0, 3)] * 3).filter(lambda counts: sum(map(bool, counts)) > 1),
        ENERGIES,
    ),
    max_size=8,
)


@settings(max_examples=30, derandomize=True)
@given(elements=st.lists(ENERGIES, min_size=3, max_size=3), compounds=COMPOUNDS)
def test_any_phases_equal_pymatgens(elements, compounds):
    names = ("Li", "Fe", "O")
    pairs = list(zip(names, elements, strict=True))
    for counts, energy in compounds:
        formula = "".join(f"{s}{c}" for s, c in zip(names, counts, strict=True) if c)
        pairs.append((formula, energy))
    phases = make(pairs)
    check(phases, hulls(phases))


@pytest.mark.parametrize("grid", [0.0, 0.25])
def test_crowded_systems_give_the_same(grid, monkeypatch):
    phases = generated(7, symbols="Li Fe O", n=120, grid=grid)
    expected = hulls(phases)
    monkeypatch.setattr(compositions, "_CROWDED", 1)
    found = hulls(phases)
    assert found.others == pytest.approx(expected.others, abs=1e-9, nan_ok=True)
    assert found.hull == pytest.approx(expected.hull, abs=1e-9)


def test_a_stable_phase_has_the_negative_distance_to_the_hull_without_it():
    found = hulls(make({"Li": 0.0, "O": 0.0, "Li2O": -2.0, "Li2O2": -1.6, "LiO8": -0.1}))
    # Li2O2 would be Li2O and O: 3/4 of the atoms at −2.
    assert found.decomposition_energy[3] == pytest.approx(-1.6 + 0.75 * 2.0)
    assert found.competing(3) == [(2, pytest.approx(0.75)), (1, pytest.approx(0.25))]
    assert found.competing_text(3) == "0.75 Li2O + 0.25 O"
    assert found.is_stable.tolist() == [True, True, True, True, False]


def test_polymorphs_have_the_hull_without_their_composition_and_without_themselves():
    found = hulls(make([("Li", 0), ("O", 0), ("LiO", -1.0), ("LiO", -0.9), ("Li2O2", -0.95)]))
    assert found.above_hull[2:] == pytest.approx([0.0, 0.1, 0.05])
    assert found.decomposition_energy[2:] == pytest.approx([-1.0, -0.9, -0.95])
    assert found.without[2:] == pytest.approx([-0.95, -1.0, -1.0])


def test_what_cannot_be_computed_is_left_out_with_the_reason():
    found = hulls(make({"Li": -1.0, "Li2O": -4.0, "LiH": np.nan, "Na": -1.0, "LiNa": -1.2}))
    assert found.left_out.tolist() == [
        "",
        "no energy of pure O is known; choose references that have it",
        "it has no energy",
        "",
        "",
    ]
    assert np.isnan(found.above_hull[1:3]).all()
    assert found.decomposition_energy[4] == pytest.approx(-0.2)


def test_chosen_elements_take_part_as_phases():
    energies = np.full(N_ELEMENTS, np.nan)
    energies[[INDEX["Li"], INDEX["O"]]] = -1.0, -2.0
    elements = ElementReferences(kind="table", functional="PBE", energies=energies, origin="table")
    found = hulls(make({"Li2O": -4.0, "LiO": -2.0, "LiH": -1.0}), elements)
    assert found.formation_energy[0] == pytest.approx(-4.0 + 4 / 3)
    assert found.left_out[2].startswith("no energy of pure H is known")
    assert [found.phases.ids[i] for i, _ in found.competing(0)] == ["2", "reference Li"]
    other = ElementReferences(kind="mp", functional="r2SCAN", energies=energies, origin="")
    with pytest.raises(LabError, match="r2SCAN and the phases' in PBE"):
        hulls(make({"Li2O": -4.0}), other)


def test_systems_of_one_phase_one_element_and_none():
    only = hulls(make({"Li": -1.0}))
    assert only.above_hull.tolist() == only.decomposition_energy.tolist() == [0.0]
    assert np.isnan(only.without[0])
    assert len(hulls(make({})).hull) == 0


def test_many_elements_together():
    names = SYMBOLS[2:14]
    phases = make([*((name, 0.0) for name in names), ("".join(names), -0.1), ("LiBe", -0.9)])
    found = hulls(phases)
    assert found.decomposition_energy[-2:] == pytest.approx([-0.1 + 0.9 / 6, -0.9])
