"""AtomRef with names: kept whole, never replaced, read from tables with their mistakes told."""

import numpy as np
import pytest

from core.elements import INDEX, N_ELEMENTS
from core.errors import LabError
from core.frames.registry import open_frame_set
from core.frames.schema import Card, Frame
from core.frames.store import write_frames
from core.home import atomrefs_dir, datasets_dir
from core.reference.fits.atomref import fit_lstsq
from core.reference.fits.compare import explained, side_by_side
from core.reference.fits.library import (
    delete_atomref,
    own_energies,
    read_atomref,
    save_atomref,
    saved_atomrefs,
)
from core.reference.formation.table import FormationTable


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    return tmp_path


def some(symbols=("Li", "O"), n=12, seed=0):
    rng = np.random.default_rng(seed)
    X = np.zeros((n, N_ELEMENTS))
    X[:, [INDEX[symbol] for symbol in symbols]] = rng.dirichlet(np.ones(len(symbols)), n)
    y = X @ np.arange(N_ELEMENTS) + 0.1 * rng.normal(size=n)
    return X, y, fit_lstsq(X, y, functional="r2SCAN")


def test_kept_and_found_again(home):
    _, _, fit = some()
    save_atomref("mine", fit)
    np.testing.assert_array_equal(saved_atomrefs()["mine"].energies, fit.energies)
    with pytest.raises(LabError, match="already"):
        save_atomref("mine", fit)
    with pytest.raises(LabError, match="cannot name"):
        save_atomref("../mine", fit)
    (atomrefs_dir() / "broken.json").write_text("{")
    assert list(saved_atomrefs()) == ["mine"]
    delete_atomref("mine")
    with pytest.raises(LabError, match="saved are: none yet"):
        delete_atomref("mine")


def test_a_table_from_elsewhere(home):
    table = b"\xef\xbb\xbfSymbol,energy,note\r\nNa,-1.5,\r\nCl,-2.25,x\r\n"
    one = read_atomref(table, name="theirs.csv", functional=" PBE ")
    assert (one.functional, one.method, one.n) == ("PBE", "given", 0)
    assert one.has_energy.sum() == 2
    assert one.energies[INDEX["Cl"]] == -2.25
    save_atomref("theirs", one)
    again = saved_atomrefs()["theirs"]
    np.testing.assert_array_equal(again.energies, one.energies)
    assert again.has_energy.sum() == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a,b\n1,2\n", "has no column 'symbol'"),
        (b"", "is not a CSV table"),
        (b"symbol,energy\nXx,1\n", "line 2: 'Xx' is not an element"),
        (b"symbol,energy\nLi,1\nLi,2\n", "line 3: Li occurs twice"),
        (b"symbol,energy\nLi,one\n", "line 2: 'one' is not an energy"),
        (b"symbol,energy\nLi,inf\n", "line 2: 'inf' is not an energy"),
        (b"symbol,energy\nLi,\n", "line 2: '' is not an energy"),
        (b"symbol,energy\n", "contains no element"),
        (b"symbol,energy,Energy\nLi,1,2\n", "two columns 'energy'"),
        (b"\xff\xfe\x00", "is not a CSV table"),
        (b'{"Xx": 1}', "'Xx' is not an element"),
        (b'{"95": 1}', "'95' is not an element"),
        (b'{"H": [1]}', "not a dictionary of energies"),
        (b'{"H": "one"}', "'one' is not an energy"),
        (b'{"H": 1, "1": 2}', "occurs twice"),
        (b'{"H": -999999999}', "'-999999999' is not an energy"),
        (b'{"method": "given", "n": ' + b"1" * 400 + b"}", "is not an AtomRef"),
        (b"{'H': __import__('os')}", "not a dictionary of energies"),
    ],
)
def test_mistakes_in_a_table_are_told(content, told):
    with pytest.raises(LabError, match=told):
        read_atomref(content, name="theirs.csv", functional="PBE")


def test_lines_that_end_in_a_comma_keep_their_columns():
    one = read_atomref(b"symbol,energy\nLi,-1,\nF,-2,\n", name="theirs.csv", functional="PBE")
    assert one.energies[[INDEX["Li"], INDEX["F"]]].tolist() == [-1, -2]


@pytest.mark.parametrize("name", ["chgnet-mptrj", "chgnet-mine", "this-target"])
def test_names_of_others_are_not_taken(home, name):
    with pytest.raises(LabError, match="choose another name"):
        save_atomref(name, some()[2])


def test_a_table_needs_its_functional():
    with pytest.raises(LabError, match="give it, such as"):
        read_atomref(b"symbol,energy\nLi,1\n", name="theirs.csv")


def test_how_well_it_explains():
    X, y, fit = some()
    found = explained(fit, X, y)
    scaled = y - X @ fit.energies
    assert found.mae == pytest.approx(np.abs(scaled).mean())
    assert found.spread == pytest.approx(scaled.std())
    X[0, INDEX["U"]], X[0, INDEX["O"]] = X[0, INDEX["O"]], 0
    assert explained(fit, X, y).n_unknown == 1
    assert np.isnan(explained(fit, X[:1], y[:1]).mae)


def test_side_by_side_leaves_gaps_where_one_does_not_know():
    _, _, one = some(("Li", "O"))
    _, _, other = some(("Li", "F"), seed=1)
    table = side_by_side({"a": one, "b": other}).set_index("symbol")
    assert list(table.index) == ["Li", "O", "F"]
    assert np.isnan(table.loc["O", "b"])
    assert table.loc["Li", "spread"] == pytest.approx(
        abs(one.energies[INDEX["Li"]] - other.energies[INDEX["Li"]])
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("e0.json", b'{"H": -1.2, "O": -3.1}'),
        ("e0.json", b'{"1": -1.2, "8": -3.1}'),
        ("e0.txt", b"{1: -1.2, 8: -3.1}"),
        ("e0.csv", b"symbol,energy\nH,-1.2\nO,-3.1\n"),
        ("e0.csv", b"Z,E0\n1,-1.2\n8,-3.1\n"),
        ("e0.csv", b"element,energy\nH,-1.2\nO,-3.1\n"),
    ],
)
def test_reference_energies_in_every_form(home, name, content):
    expected = {"H": -1.2, "O": -3.1}
    one = read_atomref(content, name=name, functional="PBE")
    assert {symbol: one.energies[INDEX[symbol]] for symbol in expected} == expected
    assert one.has_energy.sum() == 2
    (home / name).write_bytes(content)
    assert own_energies(str(home / name), functional="PBE") == expected
    save_atomref("mine", one)
    assert own_energies("mine", functional="anything") == expected
    with pytest.raises(LabError, match="saved are: isolated, mine"):
        own_energies("theirs", functional="PBE")


def test_isolated_atoms_of_a_data_set(home):
    def atom(row, number, energy, edge=15.0):
        return Frame(
            frame_id=f"f-{row}",
            material_id=f"m-{row}",
            atomic_numbers=np.array([number]),
            frac_coords=np.zeros((1, 3)),
            lattice=edge * np.eye(3),
            energy_per_atom=energy,
        )

    frames = [atom(0, 8, -1.5), atom(1, 8, -1.9), atom(2, 3, -0.3), atom(3, 26, -8.0, edge=2.4)]
    card = Card(name="atoms", kind="frames", functional="PBE")
    write_frames(datasets_dir() / "atoms", card, frames)
    expected = {"O": -1.9, "Li": -0.3}
    assert own_energies("isolated:atoms", functional="PBE") == expected
    data = open_frame_set("atoms")
    assert own_energies("isolated", functional="PBE", data=data) == expected
    assert FormationTable.of(data, "isolated").columns[0].energies[0] == pytest.approx(0.4)
    write_frames(datasets_dir() / "none", card.model_copy(update={"name": "none"}), frames[3:])
    with pytest.raises(LabError, match="none holds no isolated atom"):
        own_energies("isolated:none", functional="PBE")


@pytest.mark.parametrize(
    ("content", "energy"),
    [
        (b'{"pbe": {"1": -1.25, "8": -2.5}, "r2scan": {"1": -9, "8": -9}}', -1.25),
        (b"el,pp,PBE,PBE+\nH,H_h,-1.25,-9\nO,O_s,-2.5,-9\n", -1.25),
        (b"symbol,r2SCAN,PBE (VASP)\nH,-9,-1.25\nO,-9,-2.5\n", -1.25),
    ],
)
def test_files_with_several_functionals_give_the_one_asked_for(content, energy):
    atomref = read_atomref(content, name="e0", functional="PBE")
    assert atomref.energies[0] == energy
    assert atomref.energies[7] == -2.5
    with pytest.raises(LabError, match="e0 has no"):
        read_atomref(content, name="e0", functional="HSE06")
