"""What a data set holds, against counting frame by frame."""

import numpy as np
import pandas as pd
import pytest

from core.elements import SYMBOLS
from core.errors import LabError
from core.frames.contents.filters import FrameFilter, elements_in, range_in
from core.frames.contents.numbers import contents_of, occurrence, quantities_of
from core.frames.pairs import open_pairs, write_pairs
from core.frames.schema import Card, EnergyColumn
from core.frames.store import open_frames, write_frames

CARD = Card(name="set", kind="frames", functional="r2SCAN")


@pytest.fixture(params=[7, 1000])
def stored(request, make_frames, tmp_path):
    frames = make_frames(60)
    write_frames(tmp_path / "set", CARD, frames, shard_size=request.param)
    return frames, contents_of(open_frames(tmp_path / "set"))


def elements_of(frame):
    return {SYMBOLS[z - 1] for z in frame.atomic_numbers}


def test_numbers_are_those_of_the_frames(stored):
    frames, contents = stored
    expected = {
        "energy": [frame.energy_per_atom for frame in frames],
        "uncorrected": [frame.uncorrected_energy_per_atom for frame in frames],
        "force": [
            None if frame.forces is None else max(np.linalg.norm(frame.forces, axis=1))
            for frame in frames
        ],
        "stress": [
            None if frame.stress is None else np.linalg.norm(frame.stress) for frame in frames
        ],
        "mean_stress": [
            None if frame.stress is None else np.trace(frame.stress) / 3 for frame in frames
        ],
        "magmom": [None if frame.magmoms is None else max(frame.magmoms) for frame in frames],
        "bandgap": [frame.bandgap for frame in frames],
    }
    assert contents.keys == list(expected)
    for key, values in expected.items():
        np.testing.assert_allclose(
            contents.quantity(key), np.array(values, float), rtol=1e-6, err_msg=key
        )
    assert list(contents.n_atoms) == [len(frame) for frame in frames]
    assert list(contents.n_elements()) == [len(elements_of(frame)) for frame in frames]
    assert contents.n_materials == 20
    assert {quantity.key for quantity in quantities_of(contents, [])} == set(expected)


def test_elements_are_counted_in_frames_and_materials(stored):
    frames, contents = stored
    mask = np.arange(60) % 4 > 0
    for kept, counted in (
        (np.ones(60, bool), occurrence(contents)),
        (mask, occurrence(contents, mask)),
    ):
        chosen = [frame for frame, keep in zip(frames, kept, strict=True) if keep]
        assert counted.n == len(chosen)
        assert counted.n_materials == len({frame.material_id for frame in chosen})
        for index, symbol in enumerate(SYMBOLS):
            having = [frame for frame in chosen if symbol in elements_of(frame)]
            assert counted.frames[index] == len(having)
            assert counted.materials[index] == len({frame.material_id for frame in having})
        table = counted.table().set_index("symbol")
        assert table["frames"].sum() == sum(len(elements_of(frame)) for frame in chosen)


def test_filters_keep_what_they_say(stored):
    frames, contents = stored
    first = sorted(elements_of(next(frame for frame in frames if len(elements_of(frame)) > 1)))
    cases = [
        (FrameFilter(), lambda _: True),
        (FrameFilter(all_of=first[:2]), lambda one: elements_of(one) >= set(first[:2])),
        (FrameFilter(any_of=("H", *first)), lambda one: elements_of(one) & {"H", *first}),
        (FrameFilter(none_of=first), lambda one: not elements_of(one) & set(first)),
        (FrameFilter(system=first), lambda one: elements_of(one) == set(first)),
        (FrameFilter(min_atoms=2, max_atoms=4), lambda one: 2 <= len(one) <= 4),
        (FrameFilter(labels=("force",)), lambda one: one.forces is not None),
        (
            FrameFilter(ranges={"energy": (-0.5, 0.5), "bandgap": (None, 0.5)}),
            lambda one: (
                None not in {one.energy_per_atom, one.bandgap}
                and abs(one.energy_per_atom) <= 0.5
                and one.bandgap <= 0.5
            ),
        ),
    ]
    for chosen, keeps in cases:
        expected = [bool(keeps(frame)) for frame in frames]
        assert chosen.mask(contents).tolist() == expected, chosen


def test_a_filter_says_itself_in_words_and_options():
    chosen = FrameFilter(
        all_of=("Li", "O"),
        none_of=("H",),
        max_atoms=40,
        labels=("force",),
        ranges={"energy": (-10.0, None)},
    )
    assert chosen.text == (
        "with Li and O, without H, of at most 40 atoms, labelled with forces, energy at least -10"
    )
    assert " ".join(chosen.arguments()) == (
        "--all-of Li,O --none-of H --max-atoms 40 --labels force --range energy=-10:"
    )
    assert FrameFilter().is_empty
    assert not FrameFilter().text
    assert not FrameFilter().arguments()


def test_elements_and_ranges_are_read_from_text():
    assert elements_in("Li-Co-O") == elements_in(" li, co O") == ("Li", "Co", "O")
    assert elements_in("") == ()
    assert range_in("energy=-10:0") == ("energy", (-10.0, 0.0))
    assert range_in("force=:1e1") == ("force", (None, 10.0))
    for bad in ("energy", "energy=1", "energy=a:b", "=1:2", "energy=.:2"):
        with pytest.raises(LabError, match="range"):
            range_in(bad)
    with pytest.raises(LabError, match="'Xx' is not an element"):
        elements_in("Li-Xx")


def test_labels_that_are_not_there_are_told(stored):
    _, contents = stored
    with pytest.raises(LabError, match="no label 'dipole'"):
        FrameFilter(ranges={"dipole": (0.0, 1.0)}).mask(contents)


def test_pairs_are_described_by_their_energies(tmp_path, make_frames):
    energies = [EnergyColumn(column=name, functional="PBE") for name in ("a", "b")]
    card = Card(name="made", kind="pairs", energies=energies)
    table = pd.DataFrame(
        {
            "material_id": ["x", "y", "x"],
            "formula": ["LiF", "O2", "LiF"],
            "a": 1.0,
            "b": [2, None, 3],
        }
    )
    frames = make_frames(3)
    write_pairs(tmp_path / "made", card, table, [frames[0], None, frames[2]])
    contents = contents_of(open_pairs(tmp_path / "made"))
    assert contents.n_atoms.tolist() == [len(frames[0]), 0, len(frames[2])]
    assert contents.n_materials == 2
    assert occurrence(contents).table().to_numpy().tolist() == [
        ["Li", 2, 1, 2 / 3],
        ["O", 1, 1, 1 / 3],
        ["F", 2, 1, 2 / 3],
    ]
    assert FrameFilter(labels=("b",)).mask(contents).tolist() == [True, False, True]
    assert [quantity.key for quantity in quantities_of(contents, energies)] == ["a", "b"]
