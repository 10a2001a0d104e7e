"""One system's hulls beside pymatgen's, of reference and model, in both conventions."""

import numpy as np
import pytest
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from core.elements import fractions_from_formulas
from core.errors import LabError
from core.stability.classification import roc
from core.stability.comparison import compare
from core.stability.curves import roc_table, score_table
from core.stability.phases import EnergySource, Phases
from core.stability.schematic import BY_DFT, BY_MODEL, ELEMENTS, schematic
from core.stability.system_hull import elements_of, system_hulls
from core.stability.system_list import default_system, phase_counts

SCAN = {"functional": "r2SCAN", "corrections": "none"}
# eV/atom; Cl has no element, so NaCl is in no hull.
ENERGIES = {
    "Li": -2.0, "Fe": -9.0, "O2": -6.0, "Li2O": -6.5, "LiO2": -5.9, "FeO": -8.8, "Fe2O3": -8.9,
    "LiFeO2": -7.8, "NaCl": -3.0, "Na": -1.0,
}  # fmt: skip
MODEL = ENERGIES | {"Li2O": -6.4, "LiO2": -6.3, "Fe2O3": -8.3}


def phases(energies, **source):
    formulas = list(energies)
    return Phases.of(
        formulas,
        fractions_from_formulas(formulas),
        np.array(list(energies.values())),
        EnergySource(**SCAN | source),
        ids=[f"p-{formula}" for formula in formulas],
    )


def comparison(convention="own hulls", model=MODEL):
    return compare(phases(ENERGIES), phases(model, labels="mine"), convention)


def diagram(energies, elements):
    entries = [
        PDEntry(Composition(formula), energy * Composition(formula).num_atoms, name=formula)
        for formula, energy in energies.items()
        if set(map(str, Composition(formula).elements)) <= set(elements)
    ]
    return PhaseDiagram(entries), entries


@pytest.mark.parametrize("elements", [("Li", "O"), ("Li", "O", "Fe")], ids=["2", "3"])
def test_each_side_is_pymatgens_diagram_of_the_system(elements):
    for side, energies in zip(system_hulls(comparison(), elements), (ENERGIES, MODEL), strict=True):
        found, entries = diagram(energies, elements)
        rows = side.table.set_index("formula")
        assert sorted(rows.index) == sorted(entry.name for entry in entries)
        for entry in entries:
            row = rows.loc[entry.name]
            assert row["formation"] == pytest.approx(found.get_form_energy_per_atom(entry))
            assert row["above_hull"] == pytest.approx(found.get_e_above_hull(entry), abs=1e-9)
            assert row["stable"] == (entry in found.stable_entries)
        assert len(side.corners) == len(found.stable_entries)
        assert side.corners.sum(axis=1) == pytest.approx(1.0)
        for place, rivals in enumerate(side.rivals):
            assert place not in rivals


def test_each_side_knows_what_is_stable_only_on_the_other():
    reference, model = system_hulls(comparison(), ("Li", "O"))
    assert reference.table.set_index("formula")["elsewhere"].to_dict()["LiO2"]
    assert not model.table["elsewhere"].any()
    row = model.table.set_index("formula").loc["LiO2"]
    assert "Li2O" in row["competing"]
    rivals = model.rivals[list(model.table["formula"]).index("LiO2")]
    assert set(model.table.loc[rivals, "formula"]) == {"Li2O", "O2"}


def test_the_models_energies_on_the_references_hull():
    found = comparison("on the reference hull")
    reference, model = system_hulls(found, ("Li", "O"))
    assert np.array_equal(reference.depths, model.depths)
    rows = model.table.set_index("formula")
    of_reference = reference.table.set_index("formula")
    # LiO2 lies below the hull that it is no part of.
    assert rows.loc["LiO2", "above_hull"] == pytest.approx(
        of_reference.loc["LiO2", "above_hull"] + MODEL["LiO2"] - ENERGIES["LiO2"]
    )
    assert rows.loc["LiO2", "above_hull"] < 0
    assert rows.loc["LiO2", "formation"] == pytest.approx(-6.3 + (2.0 + 2 * 6.0) / 3)
    assert rows.loc["O2", "formation"] == 0
    assert len(model.levels) == len(model.table) == len(model.fractions) == len(model.rivals)


def test_a_system_without_an_element_says_so():
    with pytest.raises(LabError, match="no energy of pure Cl"):
        system_hulls(comparison(), ("Na", "Cl"))
    assert len(system_hulls(comparison(), ("Na",))[0].table) == 1


def test_systems_are_lists_or_formulas():
    assert elements_of("Li-Fe-O") == elements_of("fe, li o") == elements_of("LiFeO2")
    assert elements_of(" Fe2(SO4)3 ") == ("O", "S", "Fe")
    for text in ("", "Xx-O", "water", "<b>"):
        with pytest.raises(LabError):
            elements_of(text)


def test_what_is_shown_first_and_which_elements_there_are():
    assert default_system(comparison()) in {"Li-O", "Fe-O"}
    counts = phase_counts(comparison()).set_index("symbol")
    assert counts.loc["O", "phases"] == sum("O" in formula for formula in ENERGIES)
    assert not counts.loc["Cl", "pure"]
    assert counts.drop("Cl")["pure"].all()
    assert default_system(compare(phases({"Li": 0.0}), phases({"Li": 0.0}))) == ""


def test_tables_of_scores_are_those_of_each_threshold():
    found = comparison()
    table = score_table(found, [0, 50])
    assert table["f1"].tolist() == [found.classification(x).f1 for x in (0, 0.05)]
    curve = roc_table(found.roc())
    assert np.trapezoid(curve["tpr"], curve["fpr"]) == pytest.approx(found.roc().auc)


def test_a_long_roc_curve_keeps_its_area():
    rng = np.random.default_rng(0)
    distances = rng.normal(0.1, 0.05, 20_000)
    found = roc(distances < 0.05, distances + rng.normal(0, 0.05, len(distances)))
    table = roc_table(found)
    assert len(table) <= 900 < len(found.fpr)
    assert np.trapezoid(table["tpr"], table["fpr"]) == pytest.approx(found.auc, abs=1e-3)


def test_the_lesson_shows_a_phase_that_only_dft_calls_stable():
    table = schematic(BY_DFT, BY_MODEL).table.set_index("id")
    assert table.loc["AB2", "stable_reference"]
    assert not table.loc["AB2", "stable_model"]
    # By hand: −0.42 against the line from AB (1/2, −0.45) to B (1, 0) at 2/3.
    assert table.loc["AB2", "decomposition_reference"] == pytest.approx(-0.42 + 0.30)
    assert table.loc["AB2", "competing_reference"] == "0.667 AB + 0.333 B"
    assert table.loc["AB2", "decomposition_model"] == pytest.approx(-0.30 + 0.32)
    assert table.loc["AB2", "competing_model"] == "0.667 AB3 + 0.333 AB"
    hulls = system_hulls(schematic(BY_DFT, BY_MODEL), ELEMENTS)
    assert all(len(hull.table) == 6 for hull in hulls)
