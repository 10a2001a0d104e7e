import numpy as np
import pytest

from core.errors import LabError
from core.frames.units import HARTREE
from core.reference.fits.element_table import element_energies, read_element_table


@pytest.mark.parametrize(
    "text",
    [
        '{"H": -1.25, "Na": -3.5}',
        '{"1": -1.25, "11": -3.5}',
        "{1: -1.25, 11: -3.5}",
        "{'H': np.float64(-1.25), 'Na': -3.5,}",
        '{"E0s": {"H": -1.25, "Na": -3.5}}',
        '{"r2SCAN": {"H": -1.25, "Na": -3.5}, "PBE": {"H": -1}}',
        "symbol,energy\nH,-1.25\nNa,-3.5\n",
        "\ufeffElement;Energy\nH;-1,25\nNa;-3,5\n",
        "# by hand\nZ\tE0 (eV)\n1\t-1.25\n11\t-3.5\n",
        "H -1.25\nNa \u22123.5\n",
        "H,-1.25\nNa,-3.5\n",
        "atomic number,energy_mev\n1,-1250\n11,-3500\n",
        f"species,E0 [Ha]\nH,{-1.25 / HARTREE}\nNa,{-3.5 / HARTREE}\n",
        f"symbol,energy,energy_unit\nH,{-1.25 / HARTREE},Ha\nNa,{-3.5 / HARTREE},Ha\n",
        f"symbol,e0,units\nH,{-1.25 / HARTREE},Ha\nNa,{-3.5 / HARTREE},Ha\n",
        "element,Reference energy (eV/atom)\nH,-1.25\nNa,-3.5\n",
        "element,r2scan,pbe\nH,-1.25,-1\nNa,-3.5,-1\n",
    ],
)
def test_own_reference_energies_in_many_forms(tmp_path, text):
    path = tmp_path / "e0.txt"
    path.write_text(text)
    found = element_energies(read_element_table(path), "r2SCAN", name="e0.txt")
    assert list(found) == ["H", "Na"]
    np.testing.assert_allclose(list(found.values()), [-1.25, -3.5], rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"H": __import__("os")}', "not a dictionary of energies"),
        ("symbol,energy (furlong)\nH,-1\n", "not a known unit"),
        ("symbol,energy,unit\nH,-1,eV\nO,-2,Ha\n", r"'unit' states different units \(eV, Ha\)"),
        ("symbol,energy,unit\nH,-1,furlong\n", "not a known unit"),
        ("symbol,energy\nH,-1\nXx,-2\n", "line 3: 'Xx' is not an element"),
        ("symbol,energy\nH,-1 eV\n", "is not an energy of an atom"),
        ("H\n", "no column 'symbol'"),
    ],
)
def test_what_holds_no_reference_energies_says_so(tmp_path, text, problem):
    path = tmp_path / "e0.txt"
    path.write_text(text)
    with pytest.raises(LabError, match=problem):
        element_energies(read_element_table(path), "r2SCAN", name="e0.txt")
