"""Results on disk: what comes back is what went in, and nothing in it runs code."""

import io
import pickle
import zipfile
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import LabError
from core.studies.results import load_result, save_result


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Inner:
    values: np.ndarray
    name: str


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Outer:
    inner: Inner
    names: np.ndarray
    number: float
    count: int
    table: dict
    nothing: list | None


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def same(one, other):
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (np.isnan(one) and np.isnan(other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@settings(max_examples=60)
@given(plain, st.floats(), st.lists(st.text(max_size=5), min_size=1, max_size=4))
def test_what_goes_in_comes_back(tmp_path_factory, value, number, names):
    # Text of fixed width cannot end in a zero character.
    names = [name.rstrip("\0") for name in names]
    path = tmp_path_factory.mktemp("results") / "result.npz"
    whole = Outer(
        inner=Inner(values=np.arange(6.0).reshape(2, 3), name="é"),
        names=np.array(names, dtype=object),
        number=number,
        count=3,
        table={"deep": value},
        nothing=None,
    )
    save_result(path, whole)
    read = load_result(path, Outer)
    np.testing.assert_array_equal(read.inner.values, whole.inner.values)
    assert read.inner.name == "é"
    assert read.names.tolist() == names
    assert same(read.number, number)
    assert same(read.table, whole.table)
    assert read.nothing is None


def test_a_damaged_file_is_told(tmp_path):
    path = tmp_path / "result.npz"
    with pytest.raises(LabError, match="compute it again"):
        load_result(path, Outer)
    path.write_bytes(b"not a result")
    with pytest.raises(LabError, match="compute it again"):
        load_result(path, Outer)


def test_pickled_arrays_are_refused(tmp_path):
    class Harm:
        def __reduce__(self):
            return (print, ("harm",))

    path = tmp_path / "result.npz"
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "|O", "fortran_order": False, "shape": (1,)}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("json.npy", buffer.getvalue() + pickle.dumps([Harm()]))
    with pytest.raises(LabError, match="compute it again"):
        load_result(path, Outer)
