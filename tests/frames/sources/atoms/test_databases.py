"""ASE's databases in SQLite, JSON and LMDB against ase.db, and damaged in many ways."""

import json
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import ase.db
import lmdb
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from core.errors import LabError
from core.frames.schema import Card, Frame
from core.frames.sources.atoms.lmdb_file import LmdbFile
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.frames.tables.tabular import CellError
from core.frames.units import EV_PER_A3, HARTREE
from core.progress import silent

DATA = Path(__file__).parents[3] / "data" / "formats" / "ase"
SUFFIXES = ("db", "json", "aselmdb")


def reader(path: Path, **settings: Any) -> RecordFrames:
    source = open_source(path)
    assert source is not None
    return RecordFrames(source, **settings)


def frames(path: Path, **settings: Any) -> list[Frame]:
    return list(reader(path, **settings).frames(silent))


def refused(path: Path) -> tuple[int, list[str]]:
    """Return how many frames are taken, and the reasons of those that are not."""
    table = reader(path)
    n = len(list(table.frames(silent)))
    report = table.describe(Card(name="x", kind="frames", n=n)).report
    assert report is not None
    return n, [f"{one.where}: {one.why}" for one in report.refused]


def structures(n: int = 12) -> list[Atoms]:
    rng = np.random.default_rng(0)
    made = []
    for number in range(n):
        size = 1 + number % 5
        atoms = Atoms(numbers=rng.integers(1, 95, size), cell=rng.normal(size=(3, 3)) * 9, pbc=True)
        atoms.set_scaled_positions(rng.random((size, 3)))
        results: dict[str, Any] = {"energy": rng.normal(), "free_energy": rng.normal()}
        if number % 3:
            results |= {"forces": rng.normal(size=(size, 3)), "stress": rng.normal(size=6)}
            results["magmoms"] = rng.normal(size=size)
        atoms.calc = SinglePointCalculator(atoms, **results)
        made.append(atoms)
    return made


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write(suffix: str) -> Path:
        path = tmp_path / f"rows.{suffix}"
        with ase.db.connect(path) as database:
            for number, atoms in enumerate(structures()):
                database.write(
                    atoms, mp_id=f"mp-{number // 2}", data={"gap": [1.5], "tags": ["a", {"b": 1}]}
                )
        return path

    return write


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_rows_are_read_as_ase_reads_them(suffix: str, write: Callable[[str], Path]):
    path = write(suffix)
    with ase.db.connect(path) as database:
        rows = list(database.select())
    assert len(rows) == 12
    for row, own in zip(rows, frames(path), strict=True):
        atoms = row.toatoms()
        np.testing.assert_array_equal(own.atomic_numbers, atoms.numbers)
        np.testing.assert_allclose(own.lattice, atoms.cell.array)
        np.testing.assert_allclose(own.frac_coords @ own.lattice, atoms.positions, atol=1e-9)
        assert own.energy_per_atom == pytest.approx(row.energy / len(atoms))
        assert own.material_id == row.mp_id
        assert (own.forces is None) == ("forces" not in row)
        if own.forces is not None:
            np.testing.assert_allclose(own.forces, row.forces)
            stress = atoms.get_stress(voigt=False) * EV_PER_A3
            np.testing.assert_allclose(own.stress, stress)
            np.testing.assert_allclose(own.magmoms, abs(row.magmoms))


def test_a_row_that_was_deleted_is_no_gap(write: Callable[[str], Path]):
    for suffix in SUFFIXES:
        path = write(suffix)
        with ase.db.connect(path) as database:
            database.delete([3, 4, 11])
        assert len(frames(path)) == 9


def test_a_folder_of_lmdb_databases_is_one_source(
    tmp_path: Path, write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
):
    path = write("aselmdb")
    folder = tmp_path / "train"
    (folder / "part").mkdir(parents=True)
    shutil.copy(path, folder / "data0000.aselmdb")
    shutil.copy(path, folder / "part" / "data0001.aselmdb")
    (folder / "metadata.npz").write_bytes(b"")
    assert len(frames(folder)) == 24
    (folder / "data0000.aselmdb").write_bytes(path.read_bytes()[:5000])
    n, reasons = refused(folder)
    assert n == 12
    assert "data0000.aselmdb: the LMDB file breaks off" in reasons[0]


def test_schnetpack_states_its_units_beside_the_rows():
    path = DATA / "schnetpack_test_qm9.db"
    table = reader(path)
    own = list(table.frames(silent))
    with ase.db.connect(path) as database:
        for row, frame in zip(database.select(), own, strict=True):
            expected = row.data["energy_U0"][0] * HARTREE / row.natoms
            assert frame.energy_per_atom == pytest.approx(expected)
    assert table.plan.units["energy"].text == "Ha/cell"
    assert "atomrefs" in table.source.notes()[0]


def test_schnetpack_with_labels_and_lengths_in_other_units(tmp_path: Path):
    path = tmp_path / "set.db"
    with ase.db.connect(path) as database:
        database.metadata = {
            "_property_unit_dict": {
                "energy": "kcal/mol",
                "forces": "kcal/mol/Bohr",
                "stress": "eV/Ang/Ang/Ang",
            },
            "_distance_unit": "Bohr",
        }
        data = {"energy": np.array([-2.0]), "forces": np.ones((2, 3)), "stress": np.eye(3)[None]}
        atoms = Atoms("N2", [[0, 0, 0], [2, 0, 0]], cell=np.eye(3) * 9, pbc=True)
        database.write(atoms, data=data)
    (own,) = frames(path)
    kcal = 4184 / 96485.33212
    assert own.energy_per_atom == pytest.approx(-kcal)
    np.testing.assert_allclose(own.forces, np.full((2, 3), kcal / 0.529177210903))
    np.testing.assert_allclose(own.stress, np.eye(3) / ase.units.GPa)
    positions = own.frac_coords @ own.lattice
    assert np.linalg.norm(positions[1] - positions[0]) == pytest.approx(2 * 0.529177210903)


@contextmanager
def sql(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


BROKEN_ROWS = {
    "no positions": ("positions", None, "no atoms with positions"),
    "positions of other atoms": ("positions", np.zeros(6).tobytes(), "no atoms with positions"),
    "half a number": ("positions", b"12345", "positions cannot be decoded"),
    "text for positions": ("positions", "0 0 0", "positions cannot be decoded"),
    "positions of NaN": ("positions", np.full(9, np.nan).tobytes(), "not finite"),
    "a cell of two vectors": ("cell", np.zeros(6).tobytes(), "cell cannot be decoded"),
    "a flat cell": ("cell", np.ones(9).tobytes(), "no volume"),
    "an element beyond Pu": ("numbers", np.full(3, 99, "<i4").tobytes(), "beyond H to Pu"),
    "no atoms": ("numbers", b"", "no atoms"),
    "forces of other atoms": ("forces", np.zeros(3).tobytes(), "shape of the forces"),
    "stress of five": ("stress", np.zeros(5).tobytes(), "shape of the stress"),
    "energy in words": ("energy", "unknown", "energy is not a number"),
    "no energy": ("energy", None, "no energy"),
    "data cut off": ("data", b"\x10\0\0\0\0\0\0\0{", "data cannot be decoded"),
    "keys that are no JSON": ("key_value_pairs", "{a: 1", "not valid JSON"),
    "keys nested deeply": ("key_value_pairs", '{"a":' * 200 + "1" + "}" * 200, "too deeply"),
}


@pytest.mark.parametrize("name", BROKEN_ROWS)
def test_a_broken_row_is_left_out_and_the_others_are_read(name: str, write: Callable[[str], Path]):
    column, value, why = BROKEN_ROWS[name]
    path = write("db")
    with sql(path) as connection:
        connection.execute(f"UPDATE systems SET {column} = ? WHERE id = 3", (value,))  # noqa: S608
    n, reasons = refused(path)
    assert n == 11
    assert len(reasons) == 1
    assert reasons[0].startswith("row 3 of rows.db: ")
    assert why in reasons[0]


def test_a_damaged_sqlite_file_gives_what_can_be_read(write: Callable[[str], Path]):
    path = write("db")
    data = bytearray(path.read_bytes())
    path.write_bytes(data[: len(data) // 3])
    with pytest.raises(LabError):
        reader(path)
    for begin in range(4096, len(data), 1 << 14):
        damaged = bytearray(data)
        damaged[begin : begin + 3000] = b"\xff" * 3000
        path.write_bytes(damaged)
        with suppress(LabError):
            refused(path)


def test_other_sqlite_files_are_not_taken_for_databases_of_ase(tmp_path: Path):
    path = tmp_path / "other.db"
    with sql(path) as connection:
        connection.execute("CREATE TABLE things (id INTEGER)")
    assert open_source(path) is None


BROKEN_JSON = {
    "a string": ('"row"', "it is not an object"),
    "null": ("null", "it is not an object"),
    "no numbers": ('{"positions": [[0, 0, 0]]}', "no atoms with positions"),
    "words for numbers": (
        '{"numbers": ["a"], "positions": [[0, 0, 0]]}',
        "numbers are not numbers",
    ),
    "half an atom": ('{"numbers": [1.5], "positions": [[0, 0, 0]]}', "beyond H to Pu"),
    "ragged positions": ('{"numbers": [1, 1], "positions": [[0, 0, 0], [1]]}', "not numbers"),
    "a wrong shape": (
        '{"numbers": {"__ndarray__": [[5], "int64", [1]]}, "positions": [[0, 0, 0]]}',
        "does not have the shape",
    ),
    "an array of objects": (
        '{"numbers": {"__ndarray__": [[1], "O", [1]]}, "positions": [[0, 0, 0]]}',
        "does not have the shape",
    ),
    "an endless shape": (
        '{"numbers": {"__ndarray__": [[99999999999999], "int64", [1]]}, "positions": [[0, 0, 0]]}',
        "does not have the shape",
    ),
    "nested deeply": ('{"data":' * 300 + "1" + "}" * 300, "too deeply"),
}


@pytest.mark.parametrize("name", BROKEN_JSON)
def test_a_broken_row_of_json_is_left_out(name: str, write: Callable[[str], Path]):
    text, why = BROKEN_JSON[name]
    path = write("json")
    path.write_text(path.read_text().rstrip().removesuffix("}") + f',\n"99": {text}}}')
    n, reasons = refused(path)
    assert n == 12
    assert [
        reason for reason in reasons if f"row 99 of rows.json: {why}" in reason or why in reason
    ]


def test_json_with_numbers_that_are_not_finite_is_read(write: Callable[[str], Path]):
    path = write("json")
    document = json.loads(path.read_text())
    document["2"]["forces"]["__ndarray__"][2][0] = float("nan")
    document["3"]["energy"] = float("inf")
    path.write_text(json.dumps(document))
    n, reasons = refused(path)
    assert n == 10
    assert "row 2 of rows.json: a value of the forces is not finite" in reasons[0]


def test_json_that_breaks_off_gives_what_is_whole(write: Callable[[str], Path]):
    path = write("json")
    text = path.read_text()
    path.write_text(text[: len(text) // 2])
    n, reasons = refused(path)
    assert 3 < n < 9
    assert len(reasons) == 1


def _put(path: Path, key: bytes, value: bytes) -> None:
    with (
        lmdb.open(str(path), subdir=False, lock=False, map_size=1 << 20) as environment,
        environment.begin(write=True) as transaction,
    ):
        transaction.put(key, value)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"no zlib", "not compressed JSON"),
        (b"\0", "break off"),
        (zlib.compress(b"{}" * 1000)[:20], "break off"),
        (zlib.compress(b"[1, 2]"), "not an object"),
        (zlib.compress(b"{'a': 1}"), "not valid JSON"),
        (zlib.compress(b'{"numbers": [1]}'), "no atoms with positions"),
        (zlib.compress(b"[" * 100_000), "not valid JSON"),
        (
            zlib.compress(b'{"numbers": [1], "positions": [[0, 0, 0]], "energy": "x"}'),
            "not a number",
        ),
    ],
)
def test_a_broken_row_of_lmdb_is_left_out(value: bytes, why: str, write: Callable[[str], Path]):
    path = write("aselmdb")
    _put(path, b"3", value)
    n, reasons = refused(path)
    assert n == 11
    assert why in reasons[0]
    assert reasons[0].startswith("row 3 of rows.aselmdb: ")


def test_lmdb_of_other_contents_is_refused(tmp_path: Path):
    path = tmp_path / "other.lmdb"
    _put(path, b"0", b"msgpack or so")
    with pytest.raises(LabError, match="holds no rows of an ASE database"):
        reader(path)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An LMDB file with branches, leaves and overflow pages."""
    path = tmp_path_factory.mktemp("lmdb") / "large.lmdb"
    rng = np.random.default_rng(0)
    with lmdb.open(str(path), subdir=False, lock=False, map_size=1 << 24) as environment:
        with environment.begin(write=True) as transaction:
            for number in range(500):
                size = int(rng.choice([1, 200, 2000, 9000]))
                transaction.put(str(number).encode(), rng.bytes(size))
        with environment.begin(write=True) as transaction:
            transaction.delete(b"77")
    return path


def test_lmdb_is_read_as_the_library_reads_it(large: Path):
    with (
        lmdb.open(str(large), subdir=False, lock=False, readonly=True) as environment,
        environment.begin() as transaction,
    ):
        expected = [(bytes(key), bytes(value)) for key, value in transaction.cursor()]
    with LmdbFile(large) as own:
        assert list(own.items()) == expected
        assert own.entries == 499
        assert all(own.get(key) == value for key, value in expected)
        assert own.get(b"77") is own.get(b"") is own.get(b"zzz") is None


def test_damaged_lmdb_files_never_end_the_process(large: Path, tmp_path: Path):
    rng = np.random.default_rng(1)
    data, path = large.read_bytes(), tmp_path / "damaged.lmdb"
    for number in range(60):
        damaged = bytearray(data)
        for place in rng.integers(len(data) // 4096, size=40):
            damaged[place * 4096 + rng.integers(64)] = rng.integers(256)
        path.write_bytes(damaged[: rng.integers(len(data))] if number % 5 == 0 else damaged)
        with suppress(CellError), LmdbFile(path) as own:
            list(own.items())
            own.get(b"123")
