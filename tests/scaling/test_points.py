"""Tables of points: what is read, and what is refused where."""

import gzip

import numpy as np
import pandas as pd
import pytest

from core.errors import LabError
from core.scaling.points import ScalingPoints, read_points


def test_tables_of_either_kind(tmp_path):
    table = pd.DataFrame(
        {
            "note": ["a", "b", "c", "d"],
            "error": [900.0, 60.5, 40, 41],
            "n_frames": [0, 100, 400, 400],
            "seed": [0, 0, 0, 1],
        }
    )
    table.to_csv(tmp_path / "points.csv", index=False)
    table.to_parquet(tmp_path / "points.parquet")
    (tmp_path / "points.csv.gz").write_bytes(gzip.compress((tmp_path / "points.csv").read_bytes()))
    for name in ("points.csv", "points.parquet", "points.csv.gz"):
        points = read_points(tmp_path / name, unit="meV/atom")
        assert points.n_frames.tolist() == [100, 400, 400]
        assert points.error.tolist() == [60.5, 40, 41]
        assert points.seed.tolist() == [0, 0, 1]
        assert points.zero.tolist() == [900]
        assert points.unit == "meV/atom"
        assert points.sizes.tolist() == [100, 400]


def test_without_seeds_each_row_has_its_own(tmp_path):
    (tmp_path / "p.csv").write_text("n_frames;error\n10;3\n10;2\n20;1\n")
    assert read_points(tmp_path / "p.csv").seed.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "p.csv is empty"),
        ("n_frames,error\n", "no rows"),
        ("frames,error\n1,2\n", "no column 'n_frames'"),
        ("n_frames,mae\n1,2\n", "no column 'error'"),
        ('"frames\n10,3",error\n1,2\n', "(found: frames 10,3, error); name"),
        ("n_frames,error\n10,3\n20,much\n", "Line 3 of p.csv: 'much' in column 'error'"),
        ("n_frames,error\n10,3\n20,\n", "Line 3 of p.csv: column 'error' is empty"),
        ("n_frames,error\n10,0\n", "Line 2 of p.csv: error 0 is not possible"),
        ("n_frames,error\n10,inf\n", "Line 2 of p.csv"),
        ("n_frames,error\n10,nan\n", "Line 2 of p.csv"),
        ("n_frames,error\n10,3\n-5,3\n", "Line 3 of p.csv: n_frames -5 is not possible"),
        ("n_frames,error\n0.5,3\n", "Line 2 of p.csv: n_frames 0.5 is not possible"),
        ("n_frames,error,seed\n5,3,0.5\n", "Line 2 of p.csv: seed 0.5 is not possible"),
        ("n_frames,error\n0,3\n0,4\n", "only untrained models"),
    ],
)
def test_bad_tables_are_told_by_row(tmp_path, text, words):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(LabError) as refused:
        read_points(tmp_path / "p.csv")
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_parquet_rows_are_counted_from_one(tmp_path):
    pd.DataFrame({"n_frames": [1, 2], "error": [1.0, -1]}).to_parquet(tmp_path / "p.parquet")
    with pytest.raises(LabError, match=r"Row 2 of p\.parquet: error -1"):
        read_points(tmp_path / "p.parquet")
    with pytest.raises(LabError, match="cannot be opened"):
        read_points(tmp_path / "none.csv")


def test_choosing_points_keeps_what_belongs_to_them():
    points = ScalingPoints(
        n_frames=np.array([10.0, 20, 40]),
        error=np.array([3.0, 2, 1]),
        seed=np.array([0, 1, 2]),
        totals=np.array([[3.0, 3], [2, 2], [1, 1]]),
        counts=np.ones(2),
        zero=np.array([9.0]),
    )
    some = points.between(15, 40)
    assert some.error.tolist() == [2, 1]
    assert some.seed.tolist() == [1, 2]
    assert some.totals.tolist() == [[2, 2], [1, 1]]
    assert some.zero.tolist() == [9]
    np.testing.assert_allclose(some.totals.sum(axis=1) / some.counts.sum(), some.error)
