"""`atomref import` of files beside tables."""

from pathlib import Path

import pytest

from tests.cli.helpers import answer, mistake

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
    ],
)
def test_mistakes_are_one_sentence(words, message):
    assert message in mistake("import", HFO2, "--name", "x", *words)
