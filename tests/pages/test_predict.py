"""Predict: structures by text and by formula, and what models say of them, as stock chgnet does."""

import pytest
from chgnet.model import CHGNet

from core.frames.registry import open_dataset
from core.progress import silent
from core.studies.models.equation_of_state import EquationOfStateStudy
from core.studies.models.relaxed_structure import RelaxedStructureStudy
from tests.salts import rock_salt

SALT = rock_salt(5.6)


def text_of(at):
    blocks = [*at.markdown, *at.caption, *at.info, *at.warning, *at.error]
    return " ".join(block.value for block in blocks).replace("\\", "")


def paste(visit, text, **query):
    at = visit("predict", **{"from": "Pasted text"}, **query)
    at.text_area(key="structure-text").set_value(text).run()
    assert not at.exception
    return at


def test_pasted_text_shows_what_stock_chgnet_predicts(visit):
    at = paste(visit, SALT.to(fmt="cif"))
    assert not at.error, at.error
    values = at.dataframe[0].value.set_index("quantity")
    energy = values.loc["Energy, eV/atom"]
    assert values.loc["Above the hull, meV/atom", "chgnet-0.3.0"] > "0"
    assert values.loc["Phases of the hull there", "chgnet-0.3.0"] == "NaCl"
    trust = at.dataframe[1].value.set_index("quantity")
    assert trust.loc["Elements unseen in training"].tolist() == ["none", "none"]
    for name, version in (("chgnet-0.3.0", "0.3.0"), ("chgnet-r2scan", "r2scan")):
        stock = CHGNet.load(model_name=version, use_device="cpu", verbose=False)
        expected = float(stock.predict_structure(SALT)["e"])
        assert float(energy[name].replace("−", "-")) == pytest.approx(expected, abs=1e-4)


def test_a_formula_finds_the_structures_of_a_data_set(visit):
    at = visit("predict", formula="LiFePO4")
    data = open_dataset("mp-structures")
    expected = data.table().query("formula == 'LiFePO4'")["material_id"].tolist()
    assert at.dataframe[0].value["structure"].tolist() == expected
    assert at.query_params["structures"]


def test_without_a_structure_the_page_says_what_to_do(visit):
    at = visit("predict")
    assert "Give a structure" in text_of(at)
    assert not at.error


def test_wrong_text_leaves_what_was_there(visit):
    at = paste(visit, SALT.to(fmt="cif"))
    before = at.query_params["structures"]
    at.text_area(key="structure-text").set_value("not a structure").run()
    assert "not recognised as a structure" in text_of(at)
    assert at.query_params["structures"] == before


def test_where_the_server_keeps_a_text_is_nobodys_business(visit, home):
    at = paste(visit, "salt\n1\n4 0 0\n0 4 0\n0 0 4\nNa\n999999999\nDirect\n0 0 0\n")
    assert "the POSCAR states 999,999,999 atoms" in text_of(at)
    assert str(home) not in text_of(at)


def test_a_formula_that_is_not_there_says_so(visit):
    assert "no structure with the composition Fe7Xe" in text_of(visit("predict", formula="Fe7Xe"))
    assert visit("predict", formula="water").error


@pytest.mark.parametrize(
    ("view", "column", "study"),
    [
        ("Relaxation", "energy", RelaxedStructureStudy),
        ("Equation of state", "energy", EquationOfStateStudy),
    ],
)
def test_views_show_what_their_studies_say(visit, view, column, study):
    at = paste(
        visit, SALT.get_primitive_structure().to(fmt="cif"), models="chgnet-r2scan", view=view
    )
    assert not at.error, at.error
    asked = {"structures": "".join(at.query_params["structures"]), "model": "chgnet-r2scan"}
    found = study(**asked).compute(silent)
    numbers = next(one.value for one in at.dataframe if column in one.value)
    told = float(numbers[column].iloc[0].replace("−", "-"))
    assert told == pytest.approx(found.energy, abs=1e-4)
    assert at.get("plotly_chart")
    if study is EquationOfStateStudy:
        assert float(numbers["modulus"].iloc[0]) == pytest.approx(found.bulk_modulus, abs=0.06)
    else:
        assert numbers["state"].tolist() == ["converged"]
