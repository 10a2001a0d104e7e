"""Distributions, orders and pages of frames, against numpy and pandas."""

import numpy as np
import pandas as pd
import pytest

from core.elements import SYMBOLS
from core.errors import LabError
from core.frames.contents.browsing import atoms_of, listed, order_of, page_of
from core.frames.contents.distributions import SIZES, bins_of, histogram_table, summary, values_of
from core.frames.contents.numbers import QUANTITIES, contents_of
from core.frames.schema import Card
from core.frames.store import open_frames, write_frames

BY_KEY = {quantity.key: quantity for quantity in (*QUANTITIES, *SIZES)}


@pytest.fixture(scope="module")
def stored(make_frames, tmp_path_factory):
    frames = make_frames(500, seed=3)
    directory = tmp_path_factory.mktemp("store") / "set"
    write_frames(directory, Card(name="set", kind="frames", functional="PBE"), frames)
    data = open_frames(directory)
    return frames, data, contents_of(data)


@pytest.mark.parametrize("key", list(BY_KEY))
def test_every_labelled_frame_is_in_one_bin(stored, key):
    _, _, contents = stored
    values, mask = values_of(contents, key), np.arange(500) % 3 == 0
    binned = bins_of(contents, BY_KEY[key])
    assert binned.counts().sum() == np.isfinite(values).sum()
    assert binned.counts(mask).sum() == np.isfinite(values[mask]).sum()
    inside = (values >= binned.edges[0]) & (values <= binned.edges[-1])
    inner = np.histogram(values[inside], binned.edges)[0]
    # A value on an edge may be rounded into either bin.
    assert np.abs(binned.counts() - inner)[1:-1].max() <= 1
    assert histogram_table([(binned, binned.counts())])["n"].sum() == binned.counts().sum()


def test_an_extreme_frame_does_not_squeeze_the_others(stored):
    _, _, contents = stored
    contents.quantity("energy")[8] = 1e6
    binned = bins_of(contents, BY_KEY["energy"])
    assert binned.edges[-1] < 1e4
    assert binned.ends == ("", "≥ ")
    assert binned.counts()[-1] >= 1
    contents.quantity("energy")[8] = np.nan


def test_one_value_alone_has_a_bin(stored):
    _, _, contents = stored
    kept = contents.quantity("bandgap").copy()
    contents.quantity("bandgap")[:] = 0.0
    binned = bins_of(contents, BY_KEY["bandgap"])
    assert binned.counts().max() == 500
    contents.quantity("bandgap")[:] = kept


def test_summary_agrees_with_pandas(stored):
    _, _, contents = stored
    mask = np.arange(500) < 300
    found = summary(contents, list(BY_KEY.values()), mask).set_index("key")
    for key in BY_KEY:
        values = pd.Series(values_of(contents, key)[mask]).astype(float)
        row = found.loc[key]
        assert (row["n"], row["missing"]) == (values.count(), values.isna().sum())
        expected = values.quantile([0, 0.05, 0.5, 0.95, 1])
        np.testing.assert_allclose(
            row[["least", "low", "median", "high", "largest"]].astype(float), expected, rtol=1e-5
        )
    nothing = summary(contents, list(BY_KEY.values()), np.zeros(500, bool))
    assert nothing["median"].isna().all()


@pytest.mark.parametrize("descending", [False, True])
def test_orders_put_missing_labels_last_and_keep_ties(stored, descending):
    _, _, contents = stored
    for key in ("energy", "n_atoms"):
        values = pd.Series(values_of(contents, key))
        expected = values.sort_values(ascending=not descending, kind="stable").index
        assert order_of(contents, key, descending=descending).tolist() == expected.tolist()
    mask = np.isfinite(contents.quantity("energy"))
    order = order_of(contents, "energy", descending=descending)
    pages = [page_of(order, mask, page, 100) for page in range(6)]
    assert np.concatenate(pages).tolist() == order[: mask.sum()].tolist()
    assert order_of(contents, "").tolist() == list(range(500))
    with pytest.raises(LabError, match="no quantity 'dipole'"):
        order_of(contents, "dipole")


def test_listed_frames_are_those_of_the_rows(stored):
    frames, data, contents = stored
    table = listed(data, contents, [77, 3])
    assert table["frame_id"].tolist() == ["f77", "f3"]
    assert table["material_id"].tolist() == ["m25", "m1"]
    assert table["n_atoms"].tolist() == [len(frames[77]), len(frames[3])]
    assert table["formula"].tolist() == data.table()["formula"].iloc[[77, 3]].tolist()
    assert table["energy"].tolist() == pytest.approx(
        [frames[77].energy_per_atom, frames[3].energy_per_atom]
    )
    with pytest.raises(IndexError):
        data.rows([500])


def test_atoms_carry_their_labels(stored):
    frames, _, _ = stored
    full = next(one for one in frames if one.forces is not None and one.magmoms is not None)
    table = atoms_of(full)
    assert table["element"].tolist() == [SYMBOLS[z - 1] for z in full.atomic_numbers]
    np.testing.assert_allclose(table[["Fx", "Fy", "Fz"]], full.forces)
    np.testing.assert_allclose(table["|force|, eV/Å"], np.linalg.norm(full.forces, axis=1))
    bare = next(one for one in frames if one.forces is None and one.magmoms is None)
    assert list(atoms_of(bare)) == ["element", "a", "b", "c"]
