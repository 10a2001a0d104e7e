"""A model's stability beside its reference's, in both conventions."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score, roc_curve

from core.elements import fractions_from_formulas
from core.errors import LabError
from core.reference.formation.energies import embedded_references
from core.stability.classification import classify, roc
from core.stability.comparison import compare
from core.stability.phases import EnergySource, Phases

DFT = EnergySource(functional="r2SCAN", corrections="none")
MODEL = EnergySource(functional="r2SCAN", corrections="none", labels="run-1", model="ab")
FORMULAS = ["Li", "O", "Li2O", "LiO", "Fe", "FeO", "LiFeO2"]


def phases(energies, source=DFT, formulas=FORMULAS) -> Phases:
    return Phases.of(formulas, fractions_from_formulas(formulas), np.array(energies), source)


def both():
    reference = phases([-2.0, -5.0, -5.0, -5.4, -8.0, -8.0, -7.5])
    return reference, reference.with_energies(
        np.array([-2.1, -5.0, -5.2, -5.2, -8.0, -8.1, -7.4]), MODEL
    )


def test_each_on_its_own_hull():
    found = compare(*both())
    table = found.table.set_index("formula")
    assert found.n == 4
    assert table.loc["Li2O", "formation_reference"] == pytest.approx(-5.0 + (4.0 + 5.0) / 3)
    assert table.loc["Li2O", "formation_model"] == pytest.approx(-5.2 + (4.2 + 5.0) / 3)
    # Without Li2O, the hull is Li and LiO.
    assert table.loc["Li2O", "decomposition_reference"] == pytest.approx(
        -5.0 - (-2.0 / 3 - 5.4 * 2 / 3)
    )
    assert table.loc["Li2O", "competing_reference"] == "0.667 LiO + 0.333 Li"
    assert found.formation_mae == pytest.approx(
        1000 * np.mean(np.abs(table["formation_model"] - table["formation_reference"]))
    )
    assert (
        found.systems["system"].tolist()[0]
        == found.systems.sort_values("decomposition_mae", ascending=False)["system"].iloc[0]
    )
    assert found.systems["n"].sum() == 4


def test_on_the_reference_hull_one_phase_at_a_time_has_the_models_energy():
    reference, model = both()
    found = compare(reference, model, "on the reference hull").table
    for _, row in found.iterrows():
        energies = reference.energies.copy()
        energies[row["phase"]] = model.energies[row["phase"]]
        alone = compare(reference, reference.with_energies(energies, MODEL)).table
        expected = alone.set_index("id").loc[row["id"]]
        for name in ("decomposition", "formation", "distance", "above_hull", "energy", "stable"):
            assert row[f"{name}_model"] == pytest.approx(expected[f"{name}_model"])


def test_a_polymorph_is_judged_by_the_hull_of_all_others():
    formulas = ["Li", "O", "LiO", "LiO"]
    reference = phases([0.0, 0.0, -1.0, -0.9], formulas=formulas)
    model = phases([0.0, 0.0, -1.0, -1.1], MODEL, formulas)
    for convention in ("own hulls", "on the reference hull"):
        table = compare(reference, model, convention).table
        assert table["distance_reference"].tolist() == pytest.approx([-0.1, 0.1])
        assert table["stable_reference"].tolist() == [True, False]
        assert table["distance_model"].iloc[1] == pytest.approx(-0.1)
        assert table["above_hull_model"].iloc[1] == 0.0
        assert table["decomposition_model"].iloc[1] == pytest.approx(-1.1)


def test_what_one_side_lacks_takes_part_in_neither_hull():
    reference, model = both()
    energies = model.energies.copy()
    energies[3] = np.nan
    reasons = np.array(["", "", "", "an atom has no neighbour", "", "", ""], dtype=object)
    model = model.with_energies(energies, MODEL, reasons=reasons)
    own = compare(reference, model)
    decomposition = own.table.set_index("formula")["decomposition_reference"]
    assert decomposition["Li2O"] == pytest.approx(-5.0 + (4.0 + 5.0) / 3)
    assert own.left_out["why"].tolist() == ["an atom has no neighbour"]
    # The reference's hull is complete.
    table = compare(reference, model, "on the reference hull").table.set_index("formula")
    assert table.loc["Li2O", "competing_reference"] == "0.667 LiO + 0.333 Li"


def test_only_chosen_phases_are_scored():
    reference, model = both()
    scored = np.array([True, False, True, False, False, False, True])
    found = compare(reference, model, scored=scored)
    assert found.table["formula"].tolist() == ["Li2O", "LiFeO2"]
    assert found.only(found.table["system"] == "Li-O").n == 1


def test_other_functionals_and_corrections_are_refused():
    reference, model = both()
    with pytest.raises(LabError, match="predicts r2SCAN and the data are PBE"):
        compare(replace(reference, source=EnergySource(functional="PBE")), model)
    corrected = EnergySource(functional="r2scan", corrections="MP2020")
    with pytest.raises(LabError, match="choose data without MP2020 corrections"):
        compare(replace(reference, source=corrected), model)
    unknown = EnergySource(functional="r2SCAN")
    assert compare(replace(reference, source=unknown), model).n == 4
    with pytest.raises(LabError, match="not those of the reference"):
        compare(reference, model.take(np.arange(3)))


@pytest.mark.parametrize("functional", ["GGA/GGA+U", "unknown", "PBE"])
def test_a_models_hull_takes_the_references_elements(functional):
    reference, model = both()
    found = compare(
        replace(reference, source=EnergySource(functional="PBE")),
        replace(model, source=EnergySource(functional=functional, labels="run-1")),
        references=embedded_references("PBE"),
    )
    assert found.n == 4
    with pytest.raises(LabError, match="elements in r2SCAN"):
        compare(reference, model, references=embedded_references("PBE"))


def test_classification_equals_sklearns():
    rng = np.random.default_rng(0)
    true = rng.normal(0, 0.1, 400)
    predicted = np.round(true + rng.normal(0, 0.05, 400), 2)
    for threshold in (-0.02, 0.0, 0.05):
        found = classify(true, predicted, threshold)
        precision, recall, f1, _ = precision_recall_fscore_support(
            true <= threshold, predicted <= threshold + 1e-8, average="binary"
        )
        assert (found.precision, found.recall, found.f1) == pytest.approx((precision, recall, f1))
        assert found.n == 400
    curve = roc(true <= 0, predicted)
    fpr, tpr, _ = roc_curve(true <= 0, -predicted, drop_intermediate=False)
    assert curve.fpr == pytest.approx(fpr)
    assert curve.tpr == pytest.approx(tpr)
    assert curve.auc == pytest.approx(roc_auc_score(true <= 0, -predicted))


def test_without_both_classes_there_is_no_curve():
    stable = np.zeros(3)
    assert np.isnan(roc(stable <= 0, stable).auc)
    found = classify(stable + 1.0, stable + 1.0, 0.0)
    assert np.isnan([found.precision, found.recall, found.f1]).all()
    assert found.accuracy == 1.0
