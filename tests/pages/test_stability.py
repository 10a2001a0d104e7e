"""Stability: what the page says is what core computes; views, links, clicks and refusals."""

import json

import numpy as np
import pandas as pd
import pytest

from core.elements import fractions_from_formulas
from core.frames.pairs import write_pairs
from core.frames.registry import open_dataset
from core.frames.schema import Card, EnergyColumn, Frame
from core.home import datasets_dir
from core.potential.relaxation.settings import RelaxSettings
from core.reference.formation.energies import ElementReferences
from core.stability.model_stability import ModelStability
from core.stability.phases import EnergySource, phases_of
from core.studies.stability import StabilityStudy
from pages.parts.shared import job as job_module

# Formula and energy, eV/atom; Cl has no element.
ENERGIES = {
    "Li": -2.3, "Fe": -9.1, "O": -6.2, "P": -5.4, "Na": -1.4,
    "Li2O": -6.2, "LiO": -5.7, "FeO": -8.8, "Fe2O3": -8.6, "Fe3O4": -8.7, "LiFeO2": -7.9,
    "Fe3P": -8.5, "FeP": -7.8, "FeP2": -7.0, "Li3P": -3.6, "LiP": -4.2, "Li3PO4": -7.3,
    "LiFePO4": -7.5, "FePO4": -7.8, "NaCl": -3.6,
}  # fmt: skip
NOISE = 0.15


def predicted(study, _):
    """What a model says, without a model: the labels and some noise."""
    reference = phases_of(open_dataset(study.dataset), study.column)
    noise = np.random.default_rng(len(study.model)).normal(0, NOISE, len(reference))
    relaxation = study.relaxation.text() if study.relaxation else "as given"
    source = EnergySource(
        functional=reference.source.functional,
        corrections=reference.source.corrections,
        labels=study.model,
        model=study.model,
        relaxation=relaxation,
    )
    return ModelStability(
        reference=reference,
        model=reference.with_energies(reference.energies + noise, source),
        scored=np.ones(len(reference), dtype=bool),
        elements=ElementReferences(
            kind="own", functional="r2SCAN", energies=np.full(94, np.nan), origin="their own"
        ),
        n_available=len(reference),
        unseen=[],
        has_unseen=np.zeros(len(reference), dtype=bool),
        not_converged={"Li2O": "the force is still 0.2 eV/Å."} if study.relaxation else {},
    )


@pytest.fixture(autouse=True)
def mine(home, monkeypatch):
    """A few phases with DFT labels, and a model that is quick."""
    formulas = list(ENERGIES)
    card = Card(
        name="mine",
        kind="pairs",
        energies=[
            EnergyColumn(column="scan", functional="r2SCAN", corrections="none"),
            EnergyColumn(
                column="own", functional="r2SCAN", corrections="none", labels="chgnet-r2scan"
            ),
            EnergyColumn(column="gga", functional="GGA/GGA+U", corrections="MP2020"),
        ],
    )
    table = pd.DataFrame({"material_id": formulas, "formula": formulas})
    energies = np.array(list(ENERGIES.values()))
    frames = [
        Frame(
            frame_id=name,
            material_id=name,
            atomic_numbers=np.repeat(np.arange(1, 95), np.rint(fractions * 12).astype(int)),
            frac_coords=np.random.default_rng(0).random((int(np.rint(fractions * 12).sum()), 3)),
            lattice=5.0 * np.eye(3),
        )
        for name, fractions in zip(formulas, fractions_from_formulas(formulas), strict=True)
    ]
    write_pairs(
        datasets_dir() / "mine",
        card,
        table.assign(scan=energies, own=energies, gga=energies + 0.1),
        frames,
    )
    monkeypatch.setattr(StabilityStudy, "compute", predicted)


def visit_mine(visit, **query):
    return visit("stability", models="chgnet-r2scan", dataset="mine", **query)


def study(**settings):
    return StabilityStudy(model="chgnet-r2scan", dataset="mine", column="scan", **settings)


def comparison(convention="own hulls"):
    return predicted(study(), None).comparison(convention)


def specs(at):
    return [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]


def text_of(at):
    blocks = [*at.markdown, *at.caption, *at.info, *at.error]
    return " ".join(block.value for block in blocks).replace("\\", "")


def test_numbers_and_parity_are_those_of_the_comparison(visit):
    at = visit_mine(visit)
    found = comparison()
    metrics = {metric.label: metric.value for metric in at.metric}
    assert metrics["Decomposition MAE, meV/atom"] == f"{found.decomposition_mae:.1f}"
    assert metrics["Formation MAE, meV/atom"] == f"{found.formation_mae:.1f}"
    assert metrics["F1"] == f"{found.classification(0).f1:.3f}"
    assert len(specs(at)) == 2
    assert at.code[-1].value == (
        "atomref stability --dataset mine --model chgnet-r2scan --column scan"
    )
    # NaCl lacks an element.
    assert any(box.label == "Phases left out: 1" for box in at.expander)


def test_the_threshold_changes_scores_without_a_study(visit, monkeypatch):
    at = visit_mine(visit, view="Stable or not")
    monkeypatch.setattr(StabilityStudy, "compute", None)
    at.slider(key="threshold").set_value(50).run()
    assert not at.exception
    scores = comparison().classification(0.05)
    (metric,) = (metric for metric in at.metric if metric.label == "F1")
    assert metric.value == f"{scores.f1:.3f}"
    assert at.code[-1].value.endswith("--threshold 0.05")
    figure, roc, curves = specs(at)
    numbers = [a["text"].split("</b>")[0] for a in figure["layout"]["annotations"]]
    assert numbers[0] == f"<b>{scores.true_positive}"
    assert roc["layout"]["xaxis"]["title"]["text"] == "Unstable phases taken for stable"
    assert curves["layout"]["shapes"][0]["x0"] == 50


def test_conventions_differ_and_are_explained(visit):
    at = visit_mine(visit, convention="On the reference hull")
    found = comparison("on the reference hull")
    (metric,) = (metric for metric in at.metric if metric.label.startswith("Decomposition"))
    assert metric.value == f"{found.decomposition_mae:.1f}"
    assert found.decomposition_mae != comparison().decomposition_mae
    assert at.code[-1].value.endswith("--convention reference")


def test_systems_open_their_hulls(visit):
    at = visit_mine(visit, view="Chemical systems")
    (figure,) = specs(at)
    worst = comparison().systems["system"].tolist()
    assert figure["layout"]["yaxis"]["categoryarray"][:2] == worst[:2]
    table = at.dataframe[-1].value
    assert table["system"].tolist() == worst


@pytest.mark.parametrize(
    ("system", "n_points"), [("Li-O", 4), ("LiFeO2", 9), ("Li-Fe-P-O", 18)], ids=["2", "3", "4"]
)
def test_hulls_of_two_three_and_four_elements(visit, system, n_points):
    at = visit_mine(visit, view="Hulls", system=system)
    reference, model = specs(at)[:2]
    for figure in (reference, model):
        points = [
            phase
            for trace in figure["data"]
            if trace["name"] in {"stable", "unstable", "elsewhere"}
            for phase in trace.get("customdata", [])
        ]
        assert len(points) == len(set(points)) == n_points
    # A tetrahedron takes no clicks.
    can_click = "click a point" in at.selectbox(key="phase").proto.placeholder
    assert can_click == (n_points < 18)
    if system == "Li-O":
        assert reference["layout"]["yaxis"]["range"] == model["layout"]["yaxis"]["range"]


def test_a_selected_phase_tells_both_energies_and_its_structure(visit):
    at = visit_mine(visit, view="Hulls", system="Li-O", phase="LiO (LiO)")
    row = comparison().table.set_index("id").loc["LiO"]
    energies = next(f.value for f in at.dataframe if "competing" in f.value)
    assert energies["decomposition"].tolist() == pytest.approx(
        [1000 * row["decomposition_reference"], 1000 * row["decomposition_model"]]
    )
    assert energies["competing"].tolist() == [row["competing_reference"], row["competing_model"]]
    cells = at.dataframe[-1].value.set_index("quantity")
    assert cells.loc["a (Å)", "given"] == 5.0
    assert "LiO, as given" in text_of(at)
    # A phase of another system is forgotten.
    at.text_input(key="system").set_value("Fe-P").run()
    assert not at.exception
    assert at.selectbox(key="phase").value is None


def test_one_element_is_a_table_and_what_has_no_hull_says_why(visit):
    at = visit_mine(visit, view="Hulls", system="Fe")
    assert [f.value["formula"].tolist() for f in at.dataframe if "above_hull" in f.value] == [
        ["Fe"],
        ["Fe"],
    ]
    assert "a row below" in at.selectbox(key="phase").proto.placeholder
    for system, why in (("NaCl", "no energy of pure Cl"), ("Xx-O", "not an element")):
        at = visit_mine(visit, view="Hulls", system=system)
        assert why in text_of(at)
        # The periodic table is there to choose another one.
        assert len(specs(at)) == 1


def test_several_models_share_figures_and_keep_their_colours(visit, tmp_path, monkeypatch):
    monkeypatch.setattr("pages.parts.stability.form.energies_of", lambda _: None)
    at = visit(
        "stability",
        models=["chgnet-r2scan", "chgnet-0.3.0"],
        dataset="mine",
        column="r2SCAN (scan)",
        view="Stable or not",
    )
    table = at.dataframe[0].value
    assert table["model"].tolist() == ["chgnet-r2scan", "chgnet-0.3.0"]
    _, roc, _ = specs(at)
    colors = {trace["name"]: trace["line"]["color"] for trace in roc["data"][1:]}
    assert len(set(colors.values())) == 2
    assert len(at.code) == 2
    at.segmented_control(key="shown-model").set_value("chgnet-0.3.0").run()
    assert specs(at)[0]["layout"]["xaxis"]["title"]["text"] == "By chgnet-0.3.0"


def test_data_of_another_functional_are_hidden_or_refused(visit):
    at = visit_mine(visit)
    assert at.selectbox(key="column").options == ["r2SCAN (scan)", "r2SCAN (own)"]
    at.toggle(key="matching").set_value(False).run()
    at.selectbox(key="column").set_value("gga").run()
    assert not at.exception
    assert "predicts r2SCAN and the data are GGA/GGA+U" in text_of(at)
    assert not specs(at)


def test_own_table_of_elements(visit, monkeypatch):
    asked = []

    def remembered(study, _):
        asked.append(study)
        return predicted(study, None)

    monkeypatch.setattr(StabilityStudy, "compute", remembered)
    at = visit_mine(visit, references="your own table (CSV)")
    assert "Choose a file of the elements' energies" in text_of(at)
    assert not asked
    for content, why in (
        (b"symbol,energy\nLi,-2.3\nQq,1", "line 3: 'Qq' is not an element"),
        (b"symbol,energy,functional\nLi,-2.3,PBE", "no row of r2SCAN"),
        (b"\x89PNG", "not a CSV table"),
    ):
        at.file_uploader[0].upload("mine.csv", content, "text/csv").run()
        assert why in text_of(at)
    assert not asked
    at.file_uploader[0].upload("mine.csv", b"symbol,energy\nLi,-2.3\nO,-6.2", "text/csv").run()
    (path,) = {study.references for study in asked}
    assert path.endswith("mine.csv")
    assert at.code[-1].value.endswith(f"--references {path}")
    assert any(metric.label == "F1" for metric in at.metric)


def test_own_labels_are_told(visit):
    at = visit_mine(visit, column="r2SCAN (own)")
    assert "made by chgnet-r2scan itself" in text_of(at)


def test_no_model_says_what_to_do(visit):
    at = visit_mine(visit)
    at.multiselect(key="models").set_value([]).run()
    assert not at.exception
    assert "Choose at least one model" in text_of(at)


def test_relaxation_is_a_job_with_its_time_told_before(visit, monkeypatch):
    monkeypatch.setattr(job_module, "QUICK", 0.0)
    at = visit_mine(visit, relax="true")
    (button,) = (button for button in at.button if "Compute (about" in button.label)
    started = []
    monkeypatch.setattr(job_module, "start", started.append)
    button.click().run()
    assert [job.study for job in started] == [study(relaxation=RelaxSettings())]
    assert at.code[-1].value.endswith("--relax")


def test_relaxations_that_did_not_converge_are_listed(visit):
    at = visit_mine(visit, relax="true", view="Hulls", system="Li-O", phase="LiO (LiO)")
    assert any("did not converge, whose last energies count: 1" in box.label for box in at.expander)
    assert "The relaxed structure is not kept" in text_of(at)


def test_the_lesson_needs_nothing_computed(visit, monkeypatch):
    monkeypatch.setattr(StabilityStudy, "compute", None)
    at = visit("stability", view="What a hull is")
    assert "By DFT, AB2 is **stable**: **−120 meV/atom**" in text_of(at)
    assert "By the model, AB2 is **unstable**: **20 meV/atom**" in text_of(at)
    at.slider(key="lesson-the model-AB2").set_value(-0.40).run()
    assert "By the model, AB2 is **stable**: **−80 meV/atom**" in text_of(at)
    assert len(specs(at)) == 2
