"""AtomRef: fits, the worked example, take-away and mistakes."""

import numpy as np
import pytest
from pymatgen.core import Structure

from core.elements import SYMBOLS, fractions_from_formulas
from core.frames.registry import open_dataset
from core.frames.tables.pair_table import import_energies, import_pairs


@pytest.fixture(scope="module")
def embedded():
    return open_dataset("mp-structures")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return tmp_path_factory.mktemp("results")


@pytest.fixture(autouse=True)
def kept_results(home, results):
    """What one test of this module has computed is not computed again."""
    (home / "cache").symlink_to(results)


def test_least_squares_of_embedded_data(visit, embedded):
    at = visit("atomref")
    table = at.dataframe[0].value.set_index("symbol")
    seen = embedded.fractions().any(axis=0)
    expected, *_ = np.linalg.lstsq(
        embedded.fractions()[:, seen], embedded.energy("energy_r2scan_chgnet"), rcond=None
    )
    assert list(table.index) == [s for s, here in zip(SYMBOLS, seen, strict=True) if here]
    np.testing.assert_allclose(table["target"], expected, atol=1e-6)
    assert "He" in at.warning[0].value


def test_ridge_keeps_close_to_the_prior(visit):
    at = visit("atomref", fit="Ridge toward a prior", strength="1e6")
    pulled = at.dataframe[0].value.set_index("symbol")["target"]
    free = visit("atomref").dataframe[0].value.set_index("symbol")["target"]
    assert abs(pulled["He"] - free["He"]) > 0.01
    assert any("Prior of" in caption.value for caption in at.caption)


def test_worked_example_follows_the_formula(visit):
    at = visit("atomref", formula="NaCl")
    text = at.latex[0].value
    assert "Na" in text
    assert "0.500" in text
    terms = at.dataframe[-1].value.set_index("symbol")
    energies = at.dataframe[0].value.set_index("symbol")["target"]
    expected = 0.5 * (energies["Na"] + energies["Cl"])
    assert terms["contribution"].sum() == pytest.approx(expected)
    assert f"= {expected:.3f}" in text
    at.text_input(key="formula").set_value("Xx2").run()
    assert "Xx" in at.error[0].value
    assert "--formula" not in at.code[0].value
    at.text_input(key="formula").set_value("ArF").run()
    assert "Ar" in at.warning[-1].value


def test_command_names_column_and_pull(visit):
    at = visit("atomref", fit="Ridge toward a prior")
    assert at.code[0].value == (
        "atomref atomref mp-structures --column energy_r2scan_chgnet --method ridge "
        "--model chgnet-0.3.0 --strength 0.01 --source energy_gga_chgnet --formula LiCoO2"
    )


def test_frames_count_as_their_materials(visit):
    at = visit("atomref", dataset="mp-frames-gga", other="mp-frames-r2scan")
    cells = {cell.label: cell.value for cell in at.metric}
    assert cells["Materials"] == "800"
    assert cells["Elements in under 10 materials"] == "5"
    assert "He, Kr, Xe, Ac, Pa" in at.warning[0].value


VIEWS = ["References", "Uncertainty", "Influence", "Strength and prior", "Library"]


@pytest.mark.parametrize(
    ("view", "fit"),
    [
        *((view, "Least squares") for view in VIEWS),
        ("Uncertainty", "Huber"),
        ("Influence", "Huber"),
        ("Uncertainty", "Ridge toward a prior"),
        ("Influence", "Ridge toward a prior"),
    ],
)
def test_every_view_of_every_fit_opens(visit, view, fit):
    at = visit("atomref", view=view, fit=fit)
    assert not at.error
    assert at.get("plotly_chart")
    assert any("atomref atomref" in code.value for code in at.code)


def test_uncertainty_counts_elements_in_few_materials(visit, embedded):
    at = visit("atomref", view="Uncertainty", few="30")
    counts = (embedded.fractions() > 0).sum(axis=0)
    cells = {cell.label: cell.value for cell in at.metric}
    assert cells["In under 30 materials"] == str(((counts > 0) & (counts < 30)).sum())
    assert cells["Not determined"] == "6"
    assert 0.05 < float(cells["Typical ±, eV/atom"]) < 0.5
    table = at.dataframe[0].value
    # Kr would be ± 55 eV/atom, Pa ± 28 and Xe ± 5.1.
    assert set(table["symbol"].tail(6)) == {"He", "Ne", "Ac", "Kr", "Pa", "Xe"}
    known = table.dropna()
    assert (known["half_width"].diff().dropna() <= 0).all()
    assert ((known["low"] < known["energy"]) & (known["energy"] < known["high"])).all()
    assert "Not determined: He, Ne, Kr, Xe, Ac, Pa" in at.warning[0].value
    assert at.code[-1].value.endswith("--method lstsq --intervals --rare 30")
    at.number_input(key="resamplings").set_value(200).run()
    assert at.code[-1].value.endswith("--intervals --resamplings 200 --rare 30")


def test_the_difference_of_the_scales_has_intervals_of_its_own(visit):
    at = visit("atomref", view="Uncertainty", side="Target − source")
    difference = at.dataframe[0].value.set_index("symbol")
    both = visit("atomref").dataframe[0].value.set_index("symbol")
    np.testing.assert_allclose(
        difference["energy"], both["difference"].loc[difference.index], atol=1e-8
    )
    at = visit("atomref", view="Uncertainty", side="Target − source", fit="Huber")
    assert at.segmented_control(key="side").value == "target"


def test_influential_materials_are_named_and_linked(visit, embedded):
    at = visit("atomref", view="Influence")
    assert "mp\\-36526 \\(Ac\\)" in at.warning[0].value
    table = at.dataframe[0].value
    assert len(table) == 50
    assert table["material_id"].iloc[0] == "mp-567365"
    assert table["moves"].iloc[0].startswith("Kr ")
    ids = embedded.table()["material_id"]
    assert ids.iloc[table["row"].iloc[0]] == "mp-567365"
    at = visit("atomref", view="Influence", picked=f"17.{ids.iloc[17]}")
    assert at.dataframe[0].value["material_id"].iloc[0] == ids.iloc[17]
    assert len(at.dataframe[0].value) == 51
    at = visit("atomref", view="Influence", single="Prediction against energy")
    assert not at.error
    assert at.get("plotly_chart")


def test_leaving_out_of_a_huber_fit_is_told_to_be_first_order(visit):
    at = visit("atomref", view="Influence", fit="Huber")
    assert any("one Newton step" in caption.value for caption in at.caption)


def test_the_best_strength_goes_into_the_form(visit):
    at = visit("atomref", view="Strength and prior")
    cells = {cell.label: cell.value for cell in at.metric}
    assert "about ridge" in at.info[0].value
    at.button(key="take-best").click().run()
    assert not at.exception
    assert at.segmented_control(key="fit").value == "ridge"
    assert f"{at.number_input(key='strength').value:.3g}" == cells["Best strength"]
    assert at.query_params["strength"] == cells["Best strength"]
    assert "--strength auto --compare-priors" in at.code[-1].value
    told = [one.value for one in at.caption]
    assert any("an element that the other folds lack keeps its prior" in one for one in told)
    assert any("Held-out MAE, eV/atom" in one for one in told)
    table = at.dataframe[0].value
    assert list(table.index) == ["shifted", "crystal", "atom", "source"]
    at.number_input(key="strength").set_value(0.5).run()
    at.toggle(key="own").set_value(False).run()
    first, second = (code.value for code in at.code[-2:])
    assert first.endswith("--strength auto")
    assert second.endswith("--strength 0.5 --compare-priors")


def test_prior_kind_is_part_of_the_command(visit):
    at = visit("atomref", fit="Ridge toward a prior", prior="source + shift of the isolated atom")
    assert "--strength 0.01 --prior atom --source" in at.code[0].value
    assert any("atom shift" in caption.value for caption in at.caption)
    at = visit("atomref", view="Uncertainty", side="Source")
    assert "--column energy_gga_chgnet" in at.code[-1].value


def test_residual_asks_before_it_computes_interaction_energies(visit, home, monkeypatch):
    monkeypatch.setattr("core.studies.job.directory.EMBEDDED_RESULTS", home)
    at = visit("atomref", fit="Residual")
    assert any("Compute" in button.label for button in at.button)
    assert not at.get("plotly_chart")
    assert "--method residual" in at.code[-1].value


def test_residual_of_the_embedded_data_opens_at_once(visit):
    at = visit("atomref", fit="Residual")
    assert at.get("plotly_chart")
    assert not any("Compute" in button.label for button in at.button)


def test_how_many_energies_were_fitted_and_why_not_all(visit, home):
    rows = ["formula,energy_pbe,energy_r2scan,structure"]
    for i, name in enumerate(["Li", "O", "F", "Na", "Cl", "K"]):
        cell = Structure(np.eye(3) * 3.0, [name], [[0.0] * 3]).to(fmt="cif") if i < 4 else ""
        rows.append(f'{name},{-i - 1},{"" if not i else -i - 3},"{cell}"')
    (home / "some.csv").write_text("\n".join(rows))
    import_pairs(home / "some.csv", name="some")

    def told(**query):
        at = visit("atomref", **query)
        return [one.value for one in at.caption if one.value.startswith("Fitted to")]

    assert told(dataset="some", fit="Least squares") == []
    both = told(dataset="some", fit="Residual")
    assert [one.partition(":")[0] for one in both] == ["Fitted to 3 of 5 energies"]
    assert "no structure" in both[0]
    one = {"functionals": "One functional", "of": "some", "fit": "Residual"}
    assert told(**one)[0].startswith("Fitted to 3 of 5 energies")


def test_one_functional_needs_formulas_and_one_energy(visit, home):
    text = "formula,energy_per_atom\n" + "".join(
        f"{formula},{-i - 1}\n" for i, formula in enumerate(["Li", "O2", "Li2O", "LiF", "F2"])
    )
    (home / "one.csv").write_text(text)
    import_energies(home / "one.csv", name="one", functional="r2SCAN")
    at = visit("atomref", functionals="One functional", of="one")
    assert at.selectbox(key="of").value == "one"
    fit = "atomref atomref one --column energy_per_atom --method lstsq"
    assert at.code[-1].value == f"{fit} --formula LiCoO2"
    table = next(one.value for one in at.dataframe if "count" in one.value)
    fractions = fractions_from_formulas(["Li", "O2", "Li2O", "LiF", "F2"])
    right = np.linalg.lstsq(fractions, -np.arange(1, 6.0))[0]
    right = {symbol: right[SYMBOLS.index(symbol)] for symbol in ("Li", "O", "F")}
    assert dict(zip(table["symbol"], table["energy"], strict=True)) == pytest.approx(right)
    at = visit("atomref")
    assert "one" not in at.selectbox(key="dataset").options, "a shift needs two functionals"


def test_what_u_adds_is_separated_by_a_switch(visit):
    at = visit("atomref")
    at.toggle(key="separate-u").set_value(True).run()
    assert not at.exception
    assert any("--separate-u" in code.value for code in at.code)
