"""What is made of a data set on the command line."""

import ase.io
import pandas as pd
import pytest

from tests.cli.helpers import answer, invoke, make_frames, mistake, pair_table


@pytest.fixture
def salt():
    make_frames()


@pytest.mark.usefixtures("salt")
def test_a_selection_is_exported(home):
    words = ["datasets", "export", "salt", "--out", "a.extxyz", "--elements", "Na,Li"]
    found = answer(*words, "--system", "Na-Cl", "--labels", "force", "--rows", "2:4")
    assert found == {"name": "salt", "file": "a.extxyz", "form": "Extended XYZ", "n": 3}
    ids = [atoms.info["frame_id"] for atoms in ase.io.read(home / "a.extxyz", ":")]
    assert ids == ["f-1", "f-2", "f-3"]
    assert "exists already" in mistake(*words)
    result = invoke("datasets", "export", "salt", "--out", "b.parquet", "--split", "test")
    assert result.stdout == "Wrote 1 frames of salt to b.parquet (Parquet).\n"


@pytest.mark.usefixtures("salt")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "a.xlsx"], "a.xlsx: the form of frames follows from the name's end: .extxyz"),
        (["--out", "a.db", "--elements", "Fe"], "salt has no row with Fe"),
        (["--out", "a.db", "--elements", "Zz"], "'Zz' is not an element"),
        (["--out", "a.db", "--rows", "3:1"], "write FIRST:LAST, counted from 1"),
        (["--out", "a.db", "--rows", "x"], "write FIRST:LAST, counted from 1"),
        (["--out", "a.db", "--rows", "11:12"], "there are only 10 rows"),
    ],
)
def test_mistakes_in_an_export(home, words, message):
    assert message in mistake("datasets", "export", "salt", *words)
    assert not [path for path in home.iterdir() if path.name != "home"]


def test_pairs_are_exported_as_a_table(home):
    table = pair_table("t.csv")
    answer("import", "t.csv", "--name", "pairs")
    assert answer("datasets", "export", "pairs", "--out", "p.csv")["n"] == 40
    read = pd.read_csv(home / "p.csv")
    assert read["energy_r2scan"].tolist() == pytest.approx(table["energy_r2scan"].tolist())
    assert answer("datasets", "export", "pairs", "--out", "l.csv", "--all-of", "Li")["n"] == 12
    message = mistake("datasets", "export", "pairs", "--out", "q.csv", "--split", "test")
    assert "pairs contains pairs, which have no split" in message


@pytest.mark.usefixtures("salt")
def test_a_subset_is_a_data_set_without_copies():
    words = ["datasets", "subset", "salt", "--name", "part", "--n", 4, "--by", "material"]
    found = answer(*words, "--all-of", "Na", "--seed", 1)
    assert (found["name"], found["kind"], found["n"], found["n_materials"]) == (
        *("part", "frames"),
        *(4, 4),
    )
    assert answer("datasets", "show", "part")["parent"]["name"] == "salt"
    assert "of the 10 frames of salt" in invoke("datasets", "show", "part").stdout
    assert answer("datasets", "export", "part", "--out", "a.extxyz")["n"] == 4
    assert "delete these first" in mistake("datasets", "delete", "salt", "--yes")
    assert "11 frames were asked for" in mistake(*words[:5], "--n", 11, "--name", "other")
    answer("datasets", "delete", "part", "--yes")
    answer("datasets", "delete", "salt", "--yes")


def test_two_data_sets_are_joined_to_pairs():
    make_frames("one", n=4, functional="PBE")
    make_frames("two", n=6, shift=-4.0)
    found = answer("datasets", "join", "one", "two", "--name", "pairs")
    assert (found["kind"], found["n"]) == ("pairs", 4)
    assert found["energies"] == ["energy_per_atom_pbe", "energy_per_atom_r2scan"]
    assert found["left_out"] == {"of two without a partner": 2}
    words = ["datasets", "join", "one", "two", "--name"]
    assert answer(*words, "same", "--by", "structure")["n"] == 4
    assert "1 materials of one and two" in invoke(*words, "f", "--by", "formula").stdout
    assert "both energies are in PBE" in mistake("datasets", "join", "one", "one", "--name", "x")
    assert "pairs: holds pairs of energies" in mistake(
        *("datasets", "join", "one", "pairs", "--name", "x")
    )


def test_corrections_are_removed_and_added():
    found = answer("datasets", "subset", "mp-frames-gga", "--name", "part", "--n", 20)
    found = answer("datasets", "correct", "part", "--name", "plain", "--remove")
    assert (found["corrections"], found["stored"], found["n_left_out"]) == ("none", False, 0)
    assert {"kind", "value", "frames", "correction"} == set(found["inferred"][0])
    result = invoke("datasets", "correct", "plain", "--name", "back")
    assert "MP2020 corrections added to plain" in result.stdout
    assert "already" in mistake("datasets", "correct", "back", "--name", "twice")
    join = mistake("datasets", "join", "plain", "back", "--name", "pairs")
    assert "both energies are in GGA/GGA+U" in join
