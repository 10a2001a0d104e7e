"""Data: the list, an import from the browser, and everything a table can do wrong."""

import io

import numpy as np
import pandas as pd
import pytest

from core.frames.registry import list_datasets, open_dataset
from core.frames.resuming import interrupted
from core.studies.job.listing import jobs_of
from tests.frames.ended_import import end_import
from tests.frames.vasp.files import MadeStep, outcar

GOOD = "material_id,formula,energy_pbe,energy_r2scan\nm-1,Fe2O3,-6.5,-15.0\nm-2,LiF,-4.8,-7.1\n"


def upload(at, name, content):
    at.file_uploader[0].upload(name, content, "text/csv")
    at.run()
    assert not at.exception, at.exception
    return at


def press(at, label):
    next(button for button in at.button if button.label == label).click()
    at.run()
    assert not at.exception, at.exception
    return at


def import_command(at):
    return next(one.value for one in at.code if one.value.startswith("atomref import "))


def mine():
    return [info.card for info in list_datasets() if not info.embedded]


def test_embedded_sets_are_listed(visit):
    at = visit("data")
    table = at.dataframe[0].value
    assert set(table["name"]) >= {"mp-structures", "mp-frames-gga", "mp-frames-r2scan"}
    assert set(table["labels"]) == {"model"}


def test_a_link_opens_the_card_of_a_data_set(visit):
    at = visit("data", set="mp-frames-gga")
    assert any(one.value.startswith("Functional") for one in at.markdown)
    assert at.code[0].value == "atomref datasets show mp-frames-gga"
    at = visit("data", set="<b>gone</b>")
    assert at.code[0].value == "atomref datasets list"


def test_a_table_comes_in_with_its_guessed_columns(visit):
    at = upload(visit("data"), "My Table.csv", GOOD.encode())
    assert "--map source=energy_pbe" in import_command(at)
    press(at, "Import")
    assert "Imported my" in at.success[0].value
    (card,) = mine()
    assert [energy.functional for energy in card.energies] == ["PBE", "r2SCAN"]
    assert card.n == 2
    at.run()
    assert not at.success, "the note shows once"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "empty"),
        ("binary.csv", bytes(range(256)) * 8, "binary.csv"),
        ("none.csv", b"material_id,formula\nm-1,Fe\n", "no column"),
        ("text.csv", GOOD.replace("-4.8", "high").encode(), "Line 3"),
        ("element.csv", GOOD.replace("LiF", "LiXx").encode(), "Xx"),
        ("binary.parquet", b"PAR1 but not really", "binary.parquet"),
    ],
)
def test_bad_tables_give_an_error_of_one_sentence(visit, name, content, message):
    at = upload(visit("data"), name, content)
    if not at.error:
        press(at, "Import")
    assert len(at.error) == 1
    text = at.error[0].value.replace("\\", "")
    assert message in text
    assert "\n" not in text
    assert not mine(), "nothing is half-imported"
    assert not jobs_of(["import"])


def test_an_existing_name_is_an_error(visit):
    at = press(upload(visit("data"), "twice.csv", GOOD.encode()), "Import")
    at = press(upload(at, "twice.csv", GOOD.encode()), "Import")
    assert "already" in at.error[0].value
    assert len(mine()) == 1


def test_frames_are_imported(visit):
    poscar = "NaCl\n1.0\n0 2.8 2.8\n2.8 0 2.8\n2.8 2.8 0\nNa Cl\n1 1\ndirect\n0 0 0\n.5 .5 .5\n"
    table = pd.DataFrame({"structure": [poscar, poscar], "energy_r2scan": [-7.0, -7.1]})
    content = io.BytesIO()
    table.to_parquet(content)
    press(upload(visit("data"), "salt.parquet", content.getvalue()), "Import")
    (card,) = mine()
    assert (card.kind, card.functional, card.n) == ("frames", "r2SCAN", 2)


def box(at, label):
    return next(one for one in at.selectbox if one.label == label)


def test_units_are_read_from_names_and_can_be_chosen(visit):
    text = GOOD.replace("energy_pbe", "energy_pbe_Ha")
    at = upload(visit("data"), "units.csv", text.encode())
    assert box(at, "Unit of the source energy").value == "Ha/atom"
    assert box(at, "Unit of the target energy").value == "eV/atom"
    assert "--unit" not in import_command(at)
    assert any("source from energy" in one.value.replace("\\", "") for one in at.caption)
    box(at, "Unit of the target energy").select("meV/atom").run()
    assert "--unit target=meV/atom" in import_command(at)
    press(at, "Import")
    data = open_dataset("units")
    assert data.energy("energy_pbe_Ha")[0] == pytest.approx(-6.5 * 27.211386)
    assert data.energy("energy_r2scan")[0] == pytest.approx(-0.015)


def test_a_unit_that_is_not_known_is_asked_for(visit):
    at = upload(visit("data"), "odd.csv", GOOD.replace("energy_pbe", "energy_pbe (J)").encode())
    assert "unit of column" in at.error[0].value
    assert box(at, "Unit of the source energy").value is None
    box(at, "Unit of the source energy").select("Ry/atom").run()
    assert not at.error
    press(at, "Import")
    assert open_dataset("odd").energy("energy_pbe (J)")[0] == pytest.approx(-6.5 * 13.605693)


def test_energies_of_one_functional_are_imported(visit):
    text = "formula,energy_per_atom,formation_energy\nLiF,-4.8,-3\nLi,-1.9,0\n"
    at = upload(visit("data"), "one.csv", text.encode())
    assert "--format energies" in import_command(at) or at.error
    functional = next(one for one in at.text_input if one.label == "Energy functional")
    functional.input("r2SCAN").run()
    press(at, "Import")
    (card,) = mine()
    assert [energy.functional for energy in card.energies] == ["r2SCAN"]


def test_six_numbers_of_stress_are_asked_for_their_order(visit):
    poscar = "NaCl\n1.0\n0 2.8 2.8\n2.8 0 2.8\n2.8 2.8 0\nNa Cl\n1 1\ndirect\n0 0 0\n.5 .5 .5\n"
    table = pd.DataFrame(
        {
            "structure": [poscar],
            "energy_r2scan": [-7.0],
            "stress_kbar": [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]],
        }
    )
    content = io.BytesIO()
    table.to_parquet(content)
    at = upload(visit("data"), "salt.parquet", content.getvalue())
    assert box(at, "Unit of the stress").value == "kBar"
    press(at, "Import")
    assert "--stress-order" in at.error[0].value.replace("\\", "")
    box(at, "Order of six numbers of stress").select("vasp").run()
    assert "--stress-order vasp" in import_command(at)
    press(at, "Import")
    stress = open_dataset("salt").frames([0])[0].stress
    assert stress == pytest.approx(
        np.array([[-0.1, -0.4, -0.6], [-0.4, -0.2, -0.5], [-0.6, -0.5, -0.3]])
    )


def test_rows_of_several_functionals_are_told_apart(visit):
    poscar = "NaCl\n1.0\n0 2.8 2.8\n2.8 0 2.8\n2.8 2.8 0\nNa Cl\n1 1\ndirect\n0 0 0\n.5 .5 .5\n"
    table = pd.DataFrame(
        {
            "structure": [poscar] * 3,
            "energy_per_atom": [-7.0, -3.0, -7.1],
            "functional": ["R2SCAN", "PBE", "r2SCAN"],
        }
    )
    content = io.BytesIO()
    table.to_parquet(content)
    at = upload(visit("data"), "mixed.parquet", content.getvalue())
    assert any("r2SCAN (2), PBE (1)" in one.value.replace("\\", "") for one in at.caption)
    press(at, "Import")
    (card,) = mine()
    assert (card.functional, card.n) == ("r2SCAN", 2)
    assert "left out: 1 in PBE" in at.success[0].value.replace("\\", "")


def test_steps_of_a_calculation_are_chosen(visit):
    made = [MadeStep(zero=-10.0 - one, n_electronic=one + 2) for one in range(3)]
    text = outcar(made, tags={"NELM": "     4;   NELMIN=  2"})
    at = upload(visit("data"), "OUTCAR", text.encode())
    assert "--steps" not in import_command(at)
    assert "--unconverged" not in import_command(at)
    next(one for one in at.segmented_control if one.label == "Ionic steps").set_value("last").run()
    next(one for one in at.checkbox if "did not converge" in one.label).check().run()
    assert import_command(at).count("--steps last --with-unconverged") == 1
    press(at, "Import")
    (card,) = mine()
    assert (card.functional, card.n) == ("PBE", 1)
    assert "VASP" not in card.name


def test_an_interrupted_import_is_shown_and_discarded(visit, tmp_path, monkeypatch):
    end_import(tmp_path, monkeypatch)
    at = visit("data")
    assert any("salts was interrupted after 12 frames" in one.value for one in at.error)
    assert {"Resume", "Discard"} <= {button.label for button in at.button}
    assert any("datasets resume salts" in one.value for one in at.code)
    at.button(key="discard-salts").click().run()
    assert not at.error
    assert interrupted() == []
