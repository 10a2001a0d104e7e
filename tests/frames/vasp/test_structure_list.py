import pytest

from core.frames.vasp.structure_list import files_of_list, looks_like_structure_list


def test_files_and_steps():
    text = "[a]\n../b/OUTCAR_{1..3} :\n../b/OUTCAR_{1..3} :\n\n"
    text += "[c]\nx/vasprun.xml.gz ::10\ny_{a,b} -1\nz 5\n"
    listed = files_of_list(text)
    assert [one.path for one in listed] == [
        "../b/OUTCAR_1",
        "../b/OUTCAR_2",
        "../b/OUTCAR_3",
        "x/vasprun.xml.gz",
        "y_a",
        "y_b",
        "z",
    ]
    assert [one.steps for one in listed] == [
        *3 * [slice(None, None, 1)],
        slice(None, None, 10),
        None,
        None,
        slice(5, 6),
    ]


def test_zeros_in_front_and_several_braces():
    paths = [one.path for one in files_of_list("run_{08..10}/{a,b}/OUTCAR :")]
    assert paths == [f"run_{n}/{x}/OUTCAR" for n in ("08", "09", "10") for x in "ab"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a b c d", "not a path"),
        ("OUTCAR ::-1", "steps"),
        ("OUTCAR 1:2:3:4", "steps"),
        ("OUTCAR_{1..99999999} :", "more than 100 files"),
        ("{1..999}{1..999}{1..999} :", "more than 100 files"),
    ],
)
def test_mistakes_are_said(text, why, monkeypatch):
    monkeypatch.setattr("core.frames.vasp.structure_list._MOST_FILES", 100)
    with pytest.raises(ValueError, match=why):
        files_of_list(text)


def test_recognition():
    assert looks_like_structure_list("\n[label_1]\n../data/label_1/OUTCAR_{1..5} :\n")
    assert not looks_like_structure_list("[1, 2, 3]\n[4]")
    assert not looks_like_structure_list('[\n{"a": 1}]')
    assert not looks_like_structure_list("[section]\nkey = value")
