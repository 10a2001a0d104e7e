"""The AtomRef page's library: compare, save, import, export, delete."""

import numpy as np
import pytest
from chgnet.model import CHGNet

from core.elements import INDEX
from core.frames.registry import open_dataset
from core.reference.fits.atomref import fit_lstsq
from core.reference.fits.library import save_atomref, saved_atomrefs
from core.transfer.named_atomrefs import model_bytes


@pytest.fixture
def mine(home):
    data = open_dataset("mp-structures")
    fit = fit_lstsq(data.fractions(), data.energy("energy_r2scan_chgnet"), functional="r2SCAN")
    save_atomref("mine", fit)
    return fit


def test_this_fit_stands_beside_chgnets_own(visit, mine):
    at = visit("atomref", view="Library")
    explained = at.dataframe[0].value.set_index("AtomRef")
    assert list(explained.index) == ["this fit, target", "chgnet-mp-r2scan"]
    assert explained.loc["this fit, target", "spread"] < explained.loc["chgnet-mp-r2scan", "spread"]
    side = at.dataframe[1].value.set_index("symbol")
    assert side.loc["Fe", "this fit, target"] == pytest.approx(mine.energies[INDEX["Fe"]])
    assert len(at.get("plotly_chart")) == 1
    at.multiselect(key="compare").set_value(["this-target", "mine"]).run()
    side = at.dataframe[1].value
    np.testing.assert_allclose(side["spread"], 0, atol=1e-9)


def test_save_and_delete(visit):
    at = visit("atomref", view="Library")
    at.text_input[0].set_value("Not A Name")
    next(one for one in at.button if one.label == "Save").click().run()
    assert "cannot name an AtomRef" in at.error[0].value
    at.text_input[0].set_value("kept")
    next(one for one in at.button if one.label == "Save").click().run()
    assert list(saved_atomrefs()) == ["kept"]
    assert any("Saved r2SCAN as kept" in one.value for one in at.success)
    next(one for one in at.button if one.label == "Delete").click().run()
    assert saved_atomrefs() == {}


def test_commands_do_the_same(visit, mine):
    at = visit("atomref", view="Library", take="mine", into="chgnet-r2scan")
    assert at.code[-1].value == (
        "atomref atomrefs export mine --model chgnet-r2scan "
        "--out chgnet-r2scan-atomref-mine.pth.tar"
    )
    at = visit("atomref", view="Library")
    first, second, third = (code.value for code in at.code[-3:])
    assert first.startswith("atomref atomref mp-structures --column energy_r2scan_chgnet")
    assert first.endswith("--out atomref-r2SCAN.json")
    assert second == "atomref atomrefs save my-atomref atomref-r2SCAN.json"
    assert "atomrefs export atomref-r2SCAN.json --model chgnet-0.3.0" in third


def test_the_checkpoint_is_a_stock_chgnet(home, mine, tmp_path):
    path = tmp_path / "model.pth.tar"
    path.write_bytes(model_bytes(mine, "chgnet-0.3.0"))
    weight = CHGNet.from_file(path).composition_model.fc.weight.detach().numpy().ravel()
    known = mine.has_energy
    np.testing.assert_allclose(weight[known], mine.energies[known], rtol=1e-6)
