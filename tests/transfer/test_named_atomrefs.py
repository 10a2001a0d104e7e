"""Named AtomRef: chgnet's own are chgnet's own, and stock chgnet reads what is exported."""

import numpy as np
import pytest
from chgnet.model import CHGNet
from chgnet.model.composition_model import AtomRef as StockAtomRef

from core.elements import INDEX, N_ELEMENTS
from core.errors import LabError
from core.potential.models import get_atomref, load_model, read_extra
from core.reference.fits.atomref import AtomRef
from core.reference.fits.library import save_atomref
from core.transfer.named_atomrefs import (
    energies_named,
    find_atomref,
    named_atomrefs,
    write_into_model,
)
from tests.salts import rock_salt

NACL = rock_salt(5.7)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    return tmp_path


def given(**energies):
    values = np.zeros(N_ELEMENTS)
    values[[INDEX[symbol] for symbol in energies]] = list(energies.values())
    counts = np.zeros(N_ELEMENTS, dtype=int)
    return AtomRef(
        functional="PBE", method="given", energies=values, counts=counts, n=0, rank=0,
        condition=np.inf,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "theirs", "model"),
    [
        ("chgnet-mptrj", "MPtrj", "chgnet-0.3.0"),
        ("chgnet-mp-r2scan", "MP-r2SCAN", "chgnet-r2scan"),
    ],
)
def test_chgnets_own(home, name, theirs, model):
    stock = StockAtomRef(is_intensive=True)
    stock.initialize_from(theirs)
    weight = stock.fc.weight.detach().double().numpy().ravel()
    ours = named_atomrefs()[name]
    np.testing.assert_array_equal(ours.energies, weight)
    # The released model carries the same.
    np.testing.assert_array_equal(ours.energies, get_atomref(load_model(model)))
    # CHGNet r2scan never met six elements.
    assert ours.has_energy.sum() == (94 if theirs == "MPtrj" else 88)


def test_found_by_name_or_file(home):
    save_atomref("mine", given(Na=-1.0))
    assert find_atomref("mine").energies[INDEX["Na"]] == -1.0
    path = home / "atomrefs" / "mine.json"
    assert find_atomref(str(path)).functional == "PBE"
    with pytest.raises(LabError, match="names are: chgnet-mptrj, chgnet-mp-r2scan, mine"):
        find_atomref("theirs")


def test_stock_chgnet_reads_the_exported_model(home):
    out = home / "model.pth.tar"
    one = given(Na=-10.0, Cl=-20.0)
    write_into_model(one, "chgnet-0.3.0", out)
    stock, before = CHGNet.from_file(out), CHGNet.load(verbose=False)
    own = get_atomref(load_model("chgnet-0.3.0"))
    moved = (-30.0 - own[INDEX["Na"]] - own[INDEX["Cl"]]) / 2
    energies = [float(model.predict_structure(NACL)["e"]) for model in (stock, before)]
    assert energies[0] - energies[1] == pytest.approx(moved, abs=1e-4)
    weight = stock.composition_model.fc.weight.detach().double().numpy().ravel()
    assert weight[INDEX["O"]] == own[INDEX["O"]]  # unknown to the table: the model's own
    extra = read_extra(out)
    assert (extra["functional"], extra["source_functional"]) == ("PBE", "GGA/GGA+U")
    assert extra["atomref"]["energies"]["Na"] == -10.0


def test_a_place_that_cannot_be_written_is_told(home):
    with pytest.raises(LabError, match="choose a directory"):
        write_into_model(given(Na=-1.0), "chgnet-0.3.0", home / "nowhere" / "model.pth.tar")


def test_elements_that_chgnet_never_saw_have_no_energy():
    named = energies_named("chgnet-mptrj", functional="GGA/GGA+U")
    assert min(abs(value) for value in named.values()) > 1e-6
