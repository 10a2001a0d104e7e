from dataclasses import replace

import numpy as np
import pytest

from core.frames.schema import LABELS, Card
from core.frames.store import open_frames, write_frames
from core.potential.examples import example, load_examples
from core.potential.graphs import store
from core.training.settings.config import LossRatios
from core.training.settings.partition import label_flags, trained_flags
from tests.labelled_lab import (  # noqa: F401
    complete,
    complete_frames,
    energies_only,
    home,
    mixed,
    mixed_frames,
    one_thread,
    stock,
    use_home,
)


@pytest.mark.parametrize("most", [0, 100])
def test_examples_are_read_when_asked_for(mixed, tmp_path, monkeypatch, most):
    """From a store or from memory, with the labels of the frames."""
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    monkeypatch.setattr(store, "IN_MEMORY", most)
    examples = load_examples(mixed, [5, 2, 11, 3])
    assert examples.rows.tolist() == [one.index for one in examples] == [5, 2, 11, 3]
    assert [one.index for one in examples[1:3]] == [2, 11]
    assert examples[-1].index == 3
    assert examples.costs.tolist() == [one.graph.cost for one in examples]
    for one in examples:
        frame = mixed.frame(one.index)
        expected = example(one.index, frame)
        assert (one.frame_id, one.energy) == (frame.frame_id, frame.energy_per_atom)
        for kind in LABELS:
            ours, theirs = one.label(kind), expected.label(kind)
            assert (ours is None) == (theirs is None)
            assert ours is None or (ours == theirs).all()


def test_frames_that_cannot_be_represented_are_left_out_and_named(tmp_path, complete_frames):
    frames = list(complete_frames)
    frames[1] = replace(frames[1], lattice=np.eye(3) * 30)
    write_frames(tmp_path / "set", Card(name="lonely", kind="frames", functional="x"), frames)
    examples = load_examples(open_frames(tmp_path / "set"), [0, 1, 2])
    assert [one.index for one in examples] == examples.rows.tolist() == [0, 2]
    (reason,) = examples.left_out.items()
    assert reason[0] == frames[1].frame_id
    assert "no neighbour within 6 Å" in reason[1]


def test_flags_tell_which_labels_frames_have(mixed, energies_only):
    for frame_set in (mixed, energies_only):
        flags = label_flags(frame_set)
        assert list(flags) == list(LABELS)
        for row, one in enumerate(load_examples(frame_set, range(len(frame_set)))):
            for kind in LABELS:
                assert flags[kind][row] == (one.label(kind) is not None)
    assert list(trained_flags(mixed, LossRatios(force=0))) == ["energy", "stress", "magmom"]
