"""`atomref import` of files beside tables."""

from pathlib import Path

import pytest

from tests.cli.helpers import answer, mistake
from tests.frames.ended_import import N_KEPT, N, end_import
from tests.frames.vasp.files import MadeStep, outcar

FORMATS = Path(__file__).parents[1] / "data" / "formats"
HFO2 = FORMATS / "extxyz" / "sevennet_hfo2.extxyz"


def test_the_answer_says_what_was_taken_and_left_out():
    given = answer("import", HFO2, "--name", "hfo2", "--functional", "PBE")
    assert (given["name"], given["kind"], given["n"], given["n_refused"]) == (
        "hfo2",
        "frames",
        2,
        0,
    )
    assert given["mapping"] == {"energy": "energy", "forces": "forces", "stress": "stress"}
    assert given["units"] == {"energy": "eV/cell", "forces": "eV/Å", "stress": "eV/Å³"}
    assert "free_energy" in given["ignored"]
    assert given["refused"] == []


def test_a_pattern_names_several_files():
    folder = HFO2.parent
    pattern = ("--glob", "sevennet*.extxyz")
    given = answer("import", folder, "--name", "h", "--functional", "PBE", *pattern)
    assert given["n"] == 2
    assert "no file matches" in mistake("import", folder, "--name", "i", "--glob", "*.none")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "functional of the frames is not known"),
        (("--functional", "PBE", "--format", "mptrj9"), "There is no form"),
        (("--functional", "PBE", "--map", "energy=nothing"), "has no"),
        (("--functional", "PBE", "--unit", "energy=furlong"), "not a known unit"),
        (("--functional", " "), "--functional is empty"),
        (("--functional", "x" * 1000), "no line of at most 300 characters"),
        (("--functional", "PBE", "--title", "a\x1b[31m"), "The title, 'a\\x1b[31m'…, is no line"),
    ],
)
def test_mistakes_are_one_sentence(words, message):
    assert message in mistake("import", HFO2, "--name", "x", *words)


def test_steps_of_calculations_are_chosen(tmp_path):
    """The functional is that of the files, unconverged steps are left out unless asked for."""
    steps = [MadeStep(zero=-10.0 - one, n_electronic=one + 2) for one in range(3)]
    for name in ("mp-1", "mp-2"):
        (tmp_path / name).mkdir()
        text = outcar(steps, tags={"NELM": "     4;   NELMIN=  2"})
        (tmp_path / name / "OUTCAR").write_text(text)
    given = answer("import", tmp_path, "--name", "a")
    assert (given["functional"], given["n"], given["n_materials"]) == ("PBE", 4, 2)
    reason = "its electronic loop did not converge within NELM = 4 steps"
    assert given["reasons"] == {reason: 2}
    assert given["units"]["stress"] == "kBar"
    given = answer("import", tmp_path, "--name", "b", "--with-unconverged")
    assert (given["n"], given["n_refused"]) == (6, 0)
    given = answer("import", tmp_path, "--name", "c", "--steps", "last", "--with-unconverged")
    assert given["n"] == 2
    words = ("--name", "d", "--functional", "PBE", "--steps", "last")
    assert "steps of one calculation" in mistake("import", HFO2, *words)


def test_numbers_of_types_need_their_elements(tmp_path):
    path = tmp_path / "train.cfg"
    path.write_text(
        "BEGIN_CFG\n Size\n    1\n Supercell\n    3 0 0\n    0 3 0\n    0 0 3\n"
        " AtomData:  id type cartes_x cartes_y cartes_z fx fy fz\n    1 0 0 0 0 0 0 0\n"
        " Energy\n    -1.9\nEND_CFG\n"
    )
    words = ("import", path, "--name", "types", "--functional", "PBE")
    assert "--elements Li,O" in mistake(*words)
    assert answer(*words, "--elements", "Li")["n"] == 1


def test_an_interrupted_import_is_listed_resumed_and_deleted(tmp_path, monkeypatch):
    end_import(tmp_path, monkeypatch)
    assert answer("datasets", "list")["interrupted"] == [{"name": "salts", "n": N_KEPT}]
    given = answer("datasets", "resume", "salts")
    assert (given["name"], given["n"]) == ("salts", N)
    assert answer("datasets", "list")["interrupted"] == []
    assert "no interrupted import of 'salts'" in mistake("datasets", "resume", "salts")
    end_import(tmp_path, monkeypatch, name="others")
    assert answer("datasets", "delete", "others", "--yes") == {"deleted": "others"}
    assert answer("datasets", "list")["interrupted"] == []
