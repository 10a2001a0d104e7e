from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.acquisition.coverage import ByComposition
from core.acquisition.subsets import choose_rows, coverage_order, make_subset
from core.elements import SYMBOLS
from core.errors import LabError
from core.frames.contents.filters import FrameFilter
from core.frames.registry import open_frame_set
from core.frames.schema import Card, Frame
from core.frames.store import write_frames
from core.home import datasets_dir


def frame(i, material, symbols):
    numbers = np.array([SYMBOLS.index(symbol) + 1 for symbol in symbols])
    coords = np.linspace(0, 0.9, 3 * len(numbers)).reshape(-1, 3)
    return Frame(
        frame_id=f"f{i}",
        material_id=material,
        atomic_numbers=numbers,
        frac_coords=coords,
        lattice=np.eye(3) * 5.0,
        energy_per_atom=-1.0 * i,
    )


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Twenty materials of NaCl with three frames each, and one each of MgO and KBr."""
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))
    materials = [(f"salt-{i}", ["Na", "Cl"]) for i in range(20)]
    materials += [("magnesia", ["Mg", "O"]), ("bromide", ["K", "Br"])]
    frames = [
        frame(3 * i + j, name, symbols)
        for i, (name, symbols) in enumerate(materials)
        for j in range(3)
    ]
    write_frames(datasets_dir() / "set", Card(name="set", kind="frames"), frames)
    return open_frame_set("set")


def materials_of(data, rows):
    return set(data.material_ids()[rows])


@pytest.mark.parametrize("rule", ["random", "material", "coverage"])
def test_a_smaller_choice_is_part_of_a_larger_one(data, rule):
    rows = np.arange(5, 66)
    chosen = [set(choose_rows(data, rows, rule=rule, n=n, seed=1).tolist()) for n in range(1, 15)]
    for n, (smaller, larger) in enumerate(pairwise(chosen), start=1):
        assert smaller < larger <= set(rows.tolist())
        if rule == "material":
            assert len(materials_of(data, sorted(smaller))) == n
        else:
            assert len(smaller) == n
    assert set(choose_rows(data, rows, rule=rule, n=9, seed=2).tolist()) != chosen[8]


def test_a_material_comes_with_all_of_its_frames(data):
    rows = choose_rows(data, np.arange(66), rule="material", n=4)
    assert len(rows) == 12
    assert len(materials_of(data, rows)) == 4


def test_coverage_takes_rare_elements_first_and_one_frame_per_material(data):
    rows = choose_rows(data, np.arange(66), rule="coverage", n=3)
    found = data.material_ids()[rows].tolist()
    assert {"magnesia", "bromide"} < set(found)
    rows = choose_rows(data, np.arange(66), rule="coverage", n=25)
    counts = np.unique(data.material_ids()[rows], return_counts=True)[1]
    assert sorted(counts.tolist()) == [1] * 19 + [2] * 3


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), n=st.integers(1, 25))
def test_the_order_is_the_greedy_one(seed, n):
    rng = np.random.default_rng(seed)
    systems = np.zeros((12, 94), bool)
    for system in systems:
        system[rng.integers(0, 9, rng.integers(1, 5))] = True
    of_material = rng.integers(0, 12, 25)
    order = coverage_order(systems, of_material, rng.permutation(25), n)
    assert len(set(order.tolist())) == len(order) == n
    fractions = systems[of_material].astype(float)
    criterion = ByComposition(np.zeros((0, 94)), fractions)
    remaining = np.ones(25, bool)
    for material in order:
        assert criterion.gains[material] == pytest.approx(criterion.gains[remaining].max())
        criterion.add(int(material))
        remaining[material] = False


def test_a_subset_says_how_it_was_chosen(data):
    conditions = FrameFilter(any_of=("Na", "K"))
    card = make_subset(data, "some", conditions=conditions, rule="coverage", n=10, seed=3)
    assert card.description == (
        "10 of the 66 frames of set: 10 frames of the 63 frames with Na or K, materials in the "
        "order in which each adds most to the coverage of elements and pairs of elements, in "
        "rounds of one frame per material (seed 3). It is split anew."
    )
    card = make_subset(data, "tested", part="test")
    assert card.n == len(data.split().test)
    assert card.description.endswith("all frames of the test set. It is split anew.")
    assert open_frame_set("tested").table()["frame_id"].tolist() == [
        f"f{row}" for row in data.split().test
    ]


def test_mistakes_are_told(data):
    with pytest.raises(LabError, match="67 frames were asked for; choose between 1 and 66"):
        make_subset(data, "some", n=67)
    with pytest.raises(LabError, match="23 materials were asked for; choose between 1 and 22"):
        make_subset(data, "some", n=23, rule="material")
    with pytest.raises(LabError, match="'fancy' is no rule for subsets"):
        make_subset(data, "some", n=2, rule="fancy")
    with pytest.raises(LabError, match="'set' exists already"):
        make_subset(data, "set", n=2)
    with pytest.raises(LabError, match="set has no row with Fe"):
        make_subset(data, "some", conditions=FrameFilter(all_of=("Fe",)))
