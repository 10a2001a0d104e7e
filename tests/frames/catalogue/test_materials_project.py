"""Pairs from the Materials Project against a stand-in for its client; the service is never asked.

The stand-in answers in the form of emmet's ThermoDoc, as mp-api 0.46 returns it.
"""

import sys
from enum import Enum
from types import ModuleType, SimpleNamespace

import pytest

from core.errors import LabError
from core.frames.catalogue.materials_project import connect, elements_of, import_pairs_of
from core.frames.pairs import open_pairs
from core.frames.registry import find_dataset, open_dataset

KEY = "0123456789abcdefSECRET"


class ThermoType(Enum):
    GGA_GGA_U = "GGA_GGA+U"
    R2SCAN = "R2SCAN"


def document(material_id, formula, thermo_type, energy, uncorrected):
    return SimpleNamespace(
        material_id=material_id,
        formula_pretty=formula,
        thermo_type=thermo_type,
        energy_per_atom=energy,
        uncorrected_energy_per_atom=uncorrected,
    )


DOCUMENTS = [
    document("mp-1960", "Li2O", ThermoType.GGA_GGA_U, -4.7664, -4.5374),
    document("mp-1960", "Li2O", ThermoType.R2SCAN, -5.6, -5.5),
    document("mp-841", "Li2O2", "GGA_GGA+U", -4.84, -4.61),
    document("mp-841", "Li2O2", "R2SCAN", -6.1, -6.0),
    document("mp-135", "Li", ThermoType.GGA_GGA_U, -1.9089, -1.9089),
    document("mp-12957", "O2", ThermoType.R2SCAN, -6.2, -6.2),
]


class Client:
    """Stands in for mp_api.client.MPRester: one search, a context, an error if told so."""

    def __init__(self, documents=(), error=None):
        self.asked = {}
        self.materials = SimpleNamespace(thermo=SimpleNamespace(search=self.search))
        self.documents, self.error = documents, error

    def search(self, **query):
        self.asked = query
        if self.error:
            raise self.error
        return list(self.documents)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    monkeypatch.delenv("MP_API_KEY", raising=False)
    return tmp_path


def test_both_functionals_of_the_same_materials(home):
    client = Client(DOCUMENTS)
    card = import_pairs_of(client, "Li-O", name="li-o", key=KEY)
    assert client.asked["chemsys"] == ["Li", "O", "Li-O"]
    assert sorted(client.asked["thermo_types"]) == ["GGA_GGA+U", "R2SCAN"]
    assert not client.asked["all_fields"]
    pairs = open_pairs(find_dataset("li-o").path)
    table = pairs.table()
    assert list(table["material_id"]) == ["mp-1960", "mp-841"]
    assert list(table["formula"]) == ["Li2O", "Li2O2"]
    assert list(pairs.energy("energy_gga_corrected")) == [-4.7664, -4.84]
    assert list(pairs.energy("energy_gga_uncorrected")) == [-4.5374, -4.61]
    assert list(pairs.energy("energy_r2scan")) == [-5.5, -6.0], "MP2020 is not for r2SCAN"
    assert [energy.corrections for energy in card.energies] == ["MP2020", "none", "none"]
    assert "1 in GGA/GGA+U, 1 in r2SCAN" in card.description
    assert open_dataset("li-o").card.licence == "CC-BY-4.0"
    kept = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert KEY.encode() not in kept


def test_nothing_in_both_functionals(home):
    with pytest.raises(LabError, match=r"no material of Li in both functionals \(1 in GGA"):
        import_pairs_of(Client(DOCUMENTS[4:5]), "Li", name="li")
    assert not list(home.rglob("card.json"))


def test_errors_never_show_the_key(monkeypatch):
    for key, variable in ((KEY, ""), ("", KEY)):
        monkeypatch.setenv("MP_API_KEY", variable)
        client = Client(error=RuntimeError(f"401 for X-API-KEY {KEY}\nsee the dashboard"))
        with pytest.raises(LabError, match="did not answer") as error:
            import_pairs_of(client, "Li", name="li", key=key)
        assert "SECRET" not in str(error.value)
        assert "\n" not in str(error.value)
        assert error.value.__suppress_context__


@pytest.mark.parametrize("text", ["", "Li-Xx", "Li-Fe-O-H-He-Be-B-C-N", "mp-149"])
def test_what_is_no_chemical_system(text):
    with pytest.raises(LabError, match=r"Li-Fe-O|at a time"):
        elements_of(text)
    assert elements_of("Li, Fe-O-Li") == ["Li", "Fe", "O"]


def test_a_key_and_the_client_are_needed(monkeypatch):
    with pytest.raises(LabError, match="set MP_API_KEY or type it"):
        connect(" ")
    monkeypatch.setitem(sys.modules, "mp_api", None)
    with pytest.raises(LabError, match=r"pip install 'atomref-lab\[mp\]'"):
        connect(KEY)
    package, module = ModuleType("mp_api"), ModuleType("mp_api.client")
    module.MPRester = lambda key, **options: (key, options)
    monkeypatch.setitem(sys.modules, "mp_api", package)
    monkeypatch.setitem(sys.modules, "mp_api.client", module)
    assert connect(KEY) == (KEY, {"mute_progress_bars": True})
    monkeypatch.setenv("MP_API_KEY", "from the environment")
    assert connect()[0] == "from the environment"

    def refuse(key, **_):
        raise ValueError(f"{key} is no key")

    module.MPRester = refuse
    with pytest.raises(LabError, match=r"… is no key"):
        connect(KEY)
