"""Errors by group and worst frames, against loops over frames and atoms."""

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Composition

from core.elements import SYMBOLS
from core.studies.models.error_groups import by_group, common, containing, worst
from core.training.scoring.frame_errors import FrameErrors

FORMULAS = ["FeO", "LiFeO2", "NaCl", "Na12Cl12", "Fe4", "LiO"]


def made(rows, offset=0.0):
    """Frames of the formulas at these rows, with random labels and predictions."""
    rng = np.random.default_rng(0)
    compositions = [Composition(FORMULAS[row]) for row in rows]
    numbers = [
        np.repeat([element.Z for element in one], [int(n) for n in one.values()])
        for one in compositions
    ]
    n, n_atoms = len(rows), [len(one) for one in numbers]
    total = sum(n_atoms)
    none = np.full((n, 3, 3), np.nan, np.float32)
    energy = rng.normal(size=n)
    energy[-1] = np.nan
    return FrameErrors(
        rows=np.array(rows),
        frame_ids=np.array([f"f{row}" for row in rows]),
        formulas=np.array([FORMULAS[row] for row in rows]),
        n_atoms=np.array(n_atoms),
        atomic_numbers=np.concatenate(numbers).astype(np.uint8),
        energy_label=energy,
        energy_predicted=rng.normal(size=n) + offset,
        energy_atomref=np.zeros(n),
        force_label=rng.normal(size=(total, 3)).astype(np.float32),
        force_predicted=rng.normal(size=(total, 3)).astype(np.float32),
        stress_label=none,
        stress_predicted=none,
        magmom_label=np.full(total, np.nan, np.float32),
        magmom_predicted=np.full(total, np.nan, np.float32),
        n_available=10,
        n_left_out=0,
    )


ERRORS = made(range(6))


def mean(frames):
    wrong = 1000 * np.abs(ERRORS.energy_predicted - ERRORS.energy_label)
    return pytest.approx(np.mean(wrong[frames]))


@pytest.mark.parametrize(
    ("grouping", "expected"),
    [
        ("element", {"Li": [1], "O": [0, 1], "Na": [2, 3], "Cl": [2, 3], "Fe": [0, 1, 4]}),
        ("chemistry", {"oxide": [0, 1], "halide": [2, 3], "element": [4]}),
        ("size", {"at most 5 atoms": [0, 1, 2, 4], "at most 50 atoms": [3]}),
        (
            "distance",
            {"at most 0.25": [0], "at most 1": [1, 2], "more than 2": [3], "unknown": [4]},
        ),
    ],
)
def test_energy_errors_of_groups_are_means_over_their_frames(grouping, expected):
    far = np.array([0.1, 0.9, 1.0, 7.0, np.nan, 0.2])
    table = by_group({"m": ERRORS}, grouping, "energy", distances=far).set_index("group")
    # The last frame has no energy.
    assert table["count"].to_dict() == {name: len(frames) for name, frames in expected.items()}
    for name, frames in expected.items():
        assert table.loc[name, "m"] == mean(frames)


def test_force_errors_by_element_are_of_its_atoms_as_of_a_run():
    table = by_group({"m": ERRORS}, "element", "force").set_index("group")
    apart = np.abs(ERRORS.force_predicted - ERRORS.force_label).mean(axis=1)
    for symbol in ("Fe", "O", "Cl"):
        of_element = ERRORS.atomic_numbers == SYMBOLS.index(symbol) + 1
        assert table.loc[symbol, "m"] == pytest.approx(1000 * apart[of_element].mean(), rel=1e-5)
        assert table.loc[symbol, "count"] == of_element.sum()
    of_run = ERRORS.by_element().set_index("symbol")["force"]
    pd.testing.assert_series_equal(table["m"], of_run, check_names=False, rtol=1e-5)


def test_a_filter_leaves_what_would_be_there_without_the_others():
    flags = containing(ERRORS, ["Fe", "O"], any_of=False)
    assert np.flatnonzero(flags).tolist() == [0, 1]
    assert containing(ERRORS, ["Fe", "Cl"], any_of=True).tolist() == [True] * 5 + [False]
    assert containing(ERRORS, [], any_of=False).all()
    left = ERRORS.only(flags)
    assert left.formulas.tolist() == ["FeO", "LiFeO2"]
    assert left.atomic_numbers.tolist() == [26, 8, 3, 26, 8, 8]
    np.testing.assert_array_equal(left.force_label, ERRORS.force_label[:6])
    assert set(left.by_element()["symbol"]) == {"Fe", "O", "Li"}


def test_worst_frames_come_first_and_those_without_a_label_not_at_all():
    wrong = 1000 * np.abs(ERRORS.energy_predicted - ERRORS.energy_label)[:5]
    table = worst(ERRORS, "energy", 10)
    assert table["row"].tolist() == np.argsort(-wrong).tolist()
    np.testing.assert_allclose(table["error"], np.sort(wrong)[::-1])
    force = worst(ERRORS, "force", 1).iloc[0]
    atoms = ERRORS.frame_of_atom == force["row"]
    expected = np.abs(ERRORS.force_predicted - ERRORS.force_label)[atoms].mean()
    assert force["error"] == pytest.approx(1000 * expected, rel=1e-5)


def test_models_are_compared_on_the_frames_of_all():
    found = common({"a": made([0, 1, 2, 4]), "b": made([1, 2, 3])})
    assert [one.formulas.tolist() for one in found.values()] == [["LiFeO2", "NaCl"]] * 2
