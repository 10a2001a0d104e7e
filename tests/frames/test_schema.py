import datetime as dt
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from core.errors import LabError
from core.frames import schema
from core.frames.cards import is_reworded, read_card, write_card
from core.frames.schema import Card, EnergyColumn, Parent, problem_of


def test_a_good_frame_has_no_problem(make_frames):
    assert [problem_of(frame) for frame in make_frames(10)] == [None] * 10


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"atomic_numbers": np.zeros(0, np.uint8)}, "no atoms"),
        ({"atomic_numbers": np.array([95])}, "outside H to Pu"),
        ({"frac_coords": np.zeros((2, 3))}, "frac_coords of shape"),
        ({"forces": np.zeros((1, 2))}, "forces of shape"),
        ({"stress": np.full((3, 3), np.nan)}, "stress with values that are not finite"),
        ({"energy_per_atom": float("inf")}, "energy_per_atom with values"),
        ({"lattice": np.zeros((3, 3))}, "without volume"),
    ],
)
def test_a_bad_frame_says_why(make_frames, change, problem):
    good = replace(
        make_frames(1)[0], atomic_numbers=np.array([1]), frac_coords=np.zeros((1, 3)), magmoms=None
    )
    assert problem in problem_of(replace(good, **change))


def test_card_knows_whether_a_model_made_labels():
    assert not Card(name="a", kind="frames").is_model_labelled
    assert Card(name="a", kind="frames", labels="chgnet-0.3.0").is_model_labelled
    energies = [EnergyColumn(column="e", functional="PBE", labels="chgnet-0.3.0")]
    assert Card(name="a", kind="pairs", energies=energies).is_model_labelled


def test_card_survives_the_disk(tmp_path):
    energies = [EnergyColumn(column="e", functional="PBE", corrections="MP2020")]
    card = Card(name="a", kind="pairs", energies=energies, licence="CC-BY-4.0")
    path = tmp_path / "card.json"
    path.write_text(card.model_dump_json())
    assert read_card(path) == card
    assert card.energy_column("e").functional == "PBE"
    with pytest.raises(LabError, match="no energy column 'f'; its energy columns are: e"):
        card.energy_column("f")


@pytest.mark.parametrize(
    ("key", "value"), [("functional", "PBD"), ("n", 3), ("corrections", "none"), ("parent", None)]
)
def test_a_card_that_says_something_else_of_the_data_is_told(tmp_path, key, value):
    path = tmp_path / "card.json"
    card = Card(
        name="a",
        kind="frames",
        functional="PBE",
        n=2,
        parent=Parent(name="b", fingerprint="0"),
    )
    written = write_card(path, card)
    assert read_card(path) == written
    fields = json.loads(path.read_text())
    path.write_text(json.dumps(fields | {key: value}))
    with pytest.raises(LabError, match='delete the line "digest"'):
        read_card(path)
    path.write_text(json.dumps(fields | {key: value, "digest": ""}))
    assert read_card(path).model_dump()[key] == value


def test_a_card_is_whole_on_another_day(tmp_path, monkeypatch):
    path = tmp_path / "card.json"
    written = write_card(path, Card(name="a", kind="frames"))
    later = SimpleNamespace(today=lambda: dt.date(2100, 1, 1))
    monkeypatch.setattr(schema, "dt", SimpleNamespace(date=later))
    assert Card(name="a", kind="frames").created == "2100-01-01"
    assert read_card(path) == written


def test_the_words_of_a_card_may_be_edited(tmp_path):
    path = tmp_path / "card.json"
    assert not is_reworded(write_card(path, Card(name="a", kind="frames", title="One")))
    path.write_text(path.read_text().replace("One", "Two"))
    assert read_card(path).title == "Two"
    assert is_reworded(read_card(path))


@pytest.mark.parametrize("text", ["", "{}", '{"name": "a", "kind": "frames", "version": 2}'])
def test_what_is_no_card_is_refused(tmp_path, text):
    path = tmp_path / "card.json"
    path.write_text(text)
    with pytest.raises(LabError, match="is not a valid card"):
        read_card(path)
