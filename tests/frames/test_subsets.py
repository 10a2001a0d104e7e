"""A subset is like a data set of copied frames, without the copies."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import LabError
from core.files import write_whole
from core.frames.cards import read_card, write_card
from core.frames.contents.numbers import contents_of
from core.frames.registry import delete_dataset, list_datasets, open_dataset, write_subset
from core.frames.schema import CARD, Card
from core.frames.shards import write_rows
from core.frames.store import open_frames, write_frames
from core.home import datasets_dir
from tests.frames.test_store import assert_same


def write(make_frames, name="set", n=60, seed=0):
    card = Card(name=name, kind="frames", functional="PBE", licence="CC0", split_seed=3)
    write_frames(datasets_dir() / name, card, make_frames(n, seed=seed), shard_size=7)
    return open_dataset(name)


@settings(max_examples=20)
@given(rows=st.sets(st.integers(0, 59), min_size=1))
def test_everything_is_that_of_copied_frames(make_frames, tmp_path_factory, rows):
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path_factory.mktemp("home")))
    data = write(make_frames)
    rows = sorted(rows)
    write_subset(data, np.array(rows), name="some", description="chosen")
    subset = open_dataset("some")
    write_frames(datasets_dir() / "copy", data.card, data.frames(rows))
    copied = open_frames(datasets_dir() / "copy")
    assert len(subset) == len(rows)
    for one, other in zip(subset.frames(range(len(rows))), data.frames(rows), strict=True):
        assert_same(one, other)
    pd.testing.assert_frame_equal(subset.table(), copied.table())
    for name in ("fractions", "energies", "material_codes", "volumes_per_atom", "mean_magmoms"):
        expected = getattr(copied, name)()
        np.testing.assert_array_equal(getattr(subset, name)(), expected, name)
    ours, theirs = contents_of(subset), contents_of(copied)
    for name in ("n_atoms", "group", "group_material", "group_system", "systems", "numbers"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), name)
    assert subset.card.n_materials == copied.card.n_materials
    monkeypatch.undo()


def test_a_subset_takes_no_space_and_says_where_it_comes_from(make_frames):
    data = write(make_frames)
    card = write_subset(data, np.arange(0, 60, 2), name="half", description="every second frame")
    directory = datasets_dir() / "half"
    assert {path.name for path in directory.iterdir()} == {"card.json", "rows.arrow"}
    assert sum(path.stat().st_size for path in directory.iterdir()) < 4000
    assert card.parent.name == "set"
    assert card.parent.fingerprint == data.fingerprint
    assert (card.functional, card.licence, card.n) == ("PBE", "CC0", 30)
    assert len({card.fingerprint, data.fingerprint}) == 2
    again = write_subset(data, np.arange(0, 60, 2), name="again", description="")
    assert again.fingerprint == card.fingerprint
    assert write_subset(data, np.arange(30), name="b", description="").fingerprint != (
        card.fingerprint
    )


def test_a_subset_of_a_subset_names_the_frames_themselves(make_frames):
    data = write(make_frames)
    write_subset(data, np.arange(0, 60, 2), name="half", description="")
    write_subset(open_dataset("half"), np.array([1, 4]), name="two", description="")
    delete_dataset("half")
    two = open_dataset("two")
    assert two.card.parent.name == "set"
    assert two.table()["frame_id"].tolist() == ["f2", "f8"]


def test_the_split_is_that_of_the_parent(make_frames):
    data = write(make_frames)
    rows = np.sort(np.random.default_rng(0).permutation(60)[:45])
    card = write_subset(data, rows, name="some", description="Some.")
    assert card.description == "Some. Its split is that of set."
    subset = open_dataset("some").split()
    for name in ("train", "validation", "test"):
        found = rows[getattr(subset, name)]
        assert set(found) == set(rows) & set(getattr(data.split(), name))
    # Without training frames of the parent it is split anew, by material.
    write_subset(data, data.split().test, name="tested", description="")
    tested = open_dataset("tested")
    parts = [tested.material_ids()[part] for part in (tested.split().train, tested.split().test)]
    assert len(parts[0])
    assert not set(parts[0]) & set(parts[1])


def test_a_missing_or_changed_parent_is_told(make_frames):
    data = write(make_frames)
    write_subset(data, np.arange(3), name="some", description="")
    with pytest.raises(LabError, match="set contains the frames of its subsets some; delete"):
        delete_dataset("set")
    assert len(open_dataset("some")) == 3
    shutil.rmtree(datasets_dir() / "set")
    with pytest.raises(LabError, match="some is a subset of set, which is missing; import set"):
        open_dataset("some")
    assert [info.card.name for info in list_datasets() if not info.embedded] == ["some"]
    write(make_frames, seed=1)
    with pytest.raises(LabError, match="contains other frames now than when the subset was made"):
        open_dataset("some")
    shutil.rmtree(datasets_dir() / "set")
    write(make_frames)  # the same frames again
    assert len(open_dataset("some")) == 3
    delete_dataset("some")
    delete_dataset("set")


@pytest.mark.parametrize("rows", [[0, 60], [1, 1, 2], [2, 1], [-1, 3]])
def test_damaged_rows_are_told(make_frames, rows):
    data = write(make_frames)
    write_subset(data, np.arange(len(rows)), name="some", description="")
    store_rows = datasets_dir() / "some" / "rows.arrow"
    write_whole(store_rows, b"")
    with pytest.raises(LabError, match=r"rows\.arrow is damaged"):
        open_frames(datasets_dir() / "some")
    directory = datasets_dir() / "some"
    fingerprint = write_rows(directory, np.array(rows), data.fingerprint)
    with pytest.raises(LabError, match=r"rows\.arrow is damaged"):
        open_frames(directory)
    card = read_card(directory / CARD).model_copy(update={"fingerprint": fingerprint})
    write_card(directory / CARD, card)
    with pytest.raises(LabError, match="does not match its card; delete it"):
        open_frames(directory)


def test_mistakes_leave_nothing(make_frames):
    data = write(make_frames)
    for rows, name, message in (
        ([], "none", "none would have no frames"),
        ([1], "set", "'set' exists already"),
        ([1], "A b", "not a valid name"),
    ):
        with pytest.raises(LabError, match=message):
            write_subset(data, np.array(rows, int), name=name, description="")
    assert [path.name for path in datasets_dir().iterdir()] == ["set"]


def test_a_card_without_a_parent_is_read(make_frames):
    data = write(make_frames)
    path = datasets_dir() / "set" / "card.json"
    card = json.loads(path.read_text())
    del card["parent"]
    path.write_text(json.dumps(card))
    assert len(open_dataset("set")) == len(data)
