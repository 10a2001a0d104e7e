import pytest

from core.errors import LabError
from core.frames.tables.opening import open_table
from core.frames.tables.pair_table import import_energies, pairs_from_table


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("el,pp,PBE,SCAN\nH,H,-3.4,-3.5\nNa,Na_pv,-1.3,-3\nO,O,-4.9,-6\n", "atomrefs save NAME"),
        ("material_id,e_form_per_atom\nwbm-1-1,0.5\n", r"formation energies .*e_form_per_atom"),
        ("formula,E_f PBE (eV/atom)\nNaCl,-2\n", r"formation energies .*E_f PBE"),
        ("material_id,e_above_hull\nmp-1,0.5\n", r"distances from the hull"),
        ("formula,x\nNaCl,1\n", r"no column that looks like total energies .*: formula, x\.$"),
        ('formula,"x\n  y"\nNaCl,1\n', r": formula, x y\.$"),
    ],
)
def test_what_a_table_holds_instead_is_said(write, text, message):
    path = write("t.csv", text)
    assert open_table(path).columns
    with pytest.raises(LabError, match=message):
        pairs_from_table(path)
    with pytest.raises(LabError, match=message):
        import_energies(path, name="t", functional="PBE")
