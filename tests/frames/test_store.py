from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Composition

from core.elements import SYMBOLS
from core.errors import LabError
from core.frames.layout import to_batch
from core.frames.schema import Card, Frame
from core.frames.store import open_frames, write_frames

CARD = Card(name="set", kind="frames", functional="r2SCAN", created="2026-01-01")


def assert_same(one, other):
    for field in fields(Frame):
        a, b = getattr(one, field.name), getattr(other, field.name)
        assert (a is None) == (b is None), field.name
        if a is not None:
            assert np.array_equal(a, b), field.name


@settings(max_examples=30)
@given(n=st.integers(1, 40), seed=st.integers(0, 99), shard_size=st.integers(1, 17))
def test_frames_come_back_as_they_went(make_frames, tmp_path_factory, n, seed, shard_size):
    frames = make_frames(n, seed=seed)
    directory = tmp_path_factory.mktemp("store") / "set"
    card = write_frames(directory, CARD, iter(frames), shard_size=shard_size)
    opened = open_frames(directory)
    assert len(opened) == card.n == n
    assert opened.card == card
    for i in np.random.default_rng(seed).permutation(n):
        assert_same(opened.frame(i), frames[i])


def test_columns_agree_with_the_frames(make_frames, tmp_path):
    frames = make_frames(50)
    write_frames(tmp_path / "set", CARD, frames, shard_size=8)
    opened = open_frames(tmp_path / "set")
    table = opened.table()
    assert list(table["frame_id"]) == [frame.frame_id for frame in frames]
    assert list(opened.material_ids()) == [frame.material_id for frame in frames]
    assert list(opened.n_atoms()) == [len(frame) for frame in frames]
    assert list(table["has_forces"]) == [frame.forces is not None for frame in frames]
    assert list(table["has_stress"]) == [frame.stress is not None for frame in frames]
    assert list(table["has_magmoms"]) == [frame.magmoms is not None for frame in frames]
    energies = [np.nan if f.energy_per_atom is None else f.energy_per_atom for f in frames]
    assert np.array_equal(opened.energies(), energies, equal_nan=True)
    for frame, formula, fractions in zip(frames, table["formula"], opened.fractions(), strict=True):
        symbols = [SYMBOLS[z - 1] for z in frame.atomic_numbers]
        assert Composition(formula).almost_equals(Composition("".join(symbols)).reduced_composition)
        assert fractions == pytest.approx(
            np.bincount(frame.atomic_numbers - 1, minlength=94) / len(frame)
        )
    split = opened.split()
    assert len(split.train) + len(split.validation) + len(split.test) == 50
    assert opened.card.n_materials == table["material_id"].nunique()


def test_a_table_is_the_callers_to_change(make_frames, tmp_path):
    write_frames(tmp_path / "set", CARD, make_frames(3))
    opened = open_frames(tmp_path / "set")
    table = opened.table()
    table["formula"] = "changed"
    opened.frame(0).frac_coords[:] = 9
    assert "changed" not in set(opened.table()["formula"])
    assert opened.frame(0).frac_coords.max() < 9


def test_fingerprint_tells_data_apart(make_frames, tmp_path):
    frames = make_frames(20)
    one = write_frames(tmp_path / "a", CARD, frames)
    same = write_frames(tmp_path / "b", CARD.model_copy(update={"name": "b"}), frames)
    changed = [*frames[:-1], replace(frames[-1], energy_per_atom=1.5)]
    other = write_frames(tmp_path / "c", CARD, changed)
    assert len(one.fingerprint) == 64
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_nothing_is_left_of_a_write_that_fails(make_frames, tmp_path):
    frames = make_frames(10)
    bad = replace(frames[3], stress=np.zeros(6))
    for stream in ([*frames, bad], [*frames, frames[0]], []):
        with pytest.raises(LabError):
            write_frames(tmp_path / "set", CARD, stream, shard_size=2)
        assert list(tmp_path.iterdir()) == []


def test_a_taken_directory_is_refused(make_frames, tmp_path):
    write_frames(tmp_path / "set", CARD, make_frames(2))
    with pytest.raises(LabError, match="exists already"):
        write_frames(tmp_path / "set", CARD, make_frames(3))
    assert len(open_frames(tmp_path / "set")) == 2


def test_a_damaged_set_is_refused(make_frames, tmp_path):
    directory = tmp_path / "set"
    with pytest.raises(LabError, match="contains no data set"):
        open_frames(directory)
    write_frames(directory, CARD, make_frames(20), shard_size=10)
    shard = directory / "frames-00001.arrow"
    content = shard.read_bytes()
    shard.write_bytes(content[: len(content) // 2])
    with pytest.raises(LabError, match=r"frames-00001\.arrow is damaged"):
        open_frames(directory)
    shard.unlink()
    with pytest.raises(LabError, match="10 frames, but its card says 20"):
        open_frames(directory)


def test_no_such_row(make_frames, tmp_path):
    write_frames(tmp_path / "set", CARD, make_frames(2))
    with pytest.raises(IndexError):
        open_frames(tmp_path / "set").frame(2)


@pytest.mark.parametrize("shard_size", [7, 20, 99])
def test_record_batches_are_cut_as_frames_are(make_frames, tmp_path, shard_size):
    frames = make_frames(40)
    mixed = [to_batch(frames[:3]), *frames[3:9], to_batch(frames[9:39]), to_batch(frames[39:])]
    one, other = (
        write_frames(tmp_path / name, CARD, rows, shard_size=shard_size)
        for name, rows in (("a", frames), ("b", mixed))
    )
    assert one.fingerprint == other.fingerprint


def test_record_batches_are_stored_as_their_frames_are(make_frames, tmp_path):
    frames = make_frames(30)
    one = write_frames(tmp_path / "a", CARD, [*frames[:5], to_batch(frames[5:20]), *frames[20:]])
    opened = open_frames(tmp_path / "a")
    for i, frame in enumerate(frames):
        assert_same(opened.frame(i), frame)
    assert (one.n, one.n_materials) == (30, 10)
    assert one.fingerprint == write_frames(tmp_path / "c", CARD, frames).fingerprint
    with pytest.raises(LabError, match="not unique"):
        write_frames(tmp_path / "b", CARD, [frames[3], to_batch(frames[:5])])
    assert not (tmp_path / "b").exists()
