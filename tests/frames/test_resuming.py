"""Imports that were ended go on, and become what they would have become at once."""

import json
import shutil
from functools import partial
from pathlib import Path

import ase.io
import numpy as np
import pytest
from pymatgen.core import Structure

from core.errors import LabError
from core.frames import resuming, shard_writer
from core.frames.resuming import Journal, discard, find_interrupted, interrupted
from core.frames.sources import importing
from core.frames.sources.importing import import_dataset
from core.frames.sources.json_files import typed
from core.frames.store import open_frames, write_frames
from core.home import datasets_dir
from core.studies.imports import ImportStudy
from core.sweeping import DAY, sweep
from tests.frames.ended_import import N, end_import, salts

FORMATS = Path(__file__).parents[1] / "data" / "formats"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(shard_writer, "BATCH_ROWS", 4)
    monkeypatch.setattr(importing, "write_frames", partial(write_frames, shard_size=8))
    monkeypatch.setattr(typed, "_TOGETHER", 3000)
    # What began in this process counts as ended.
    monkeypatch.setattr(resuming, "is_alive", lambda *_: False)


def documents(structure):
    """Return documents of which some repeat others, cannot be read or cannot be stored."""
    for n in range(N):
        lattice = 4 + 0.01 * (n if n % 7 else 0)
        document = {
            "structure": structure.copy().scale_lattice(lattice**3).as_dict(),
            "energy_per_atom": -3 - n / 100 if n % 7 else -3.0,
            "uncorrected_total_energy": -6.0,
            "force": [[0, 0, n / 100], [0, 0, 0]],
            "stress": np.diag([1.0, 2, n]).tolist() if n % 3 else None,
            "magmom": None,
        }
        if n % 11 == 5:
            document["structure"]["sites"][0]["species"][0]["occu"] = 0.5
        if n % 11 == 7:
            document["force"] = [[0, 0, 0]]
        if n % 13 == 6:
            document["energy_per_atom"] = 1e9
        yield document


def mptrj(folder):
    structure = Structure(np.eye(3) * 4, ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    path = folder / "set.json"
    # Two ids are there twice.
    found = {f"mp-{n // 4}-{n}": {f"{n % 38}": one} for n, one in enumerate(documents(structure))}
    path.write_text(json.dumps(found))
    return [path]


def xyz(folder):
    ase.io.write(folder / "set.xyz", list(salts(*range(N))), format="extxyz")
    return [folder / "set.xyz"]


def several(folder):
    paths = [folder / f"{n}.xyz" for n in range(4)]
    for n, path in enumerate(paths):
        ase.io.write(path, list(salts(*range(10 * n, 10 * n + 10))), format="extxyz")
    paths[2].write_text("2\nProperties=species:S:1:pos:R:3 energy=1\nNa 0 0 0\n")
    return paths


def calculations(folder):
    for place, name in enumerate(("basicspin", "basicrelax")):
        (folder / "runs" / f"mp-{place}").mkdir(parents=True)
        path = folder / "runs" / f"mp-{place}" / "vasprun.xml.gz"
        shutil.copy(FORMATS / "vasp" / f"parsevasp_{name}.xml.gz", path)
    return [folder / "runs"]


def imported(paths, name):
    return import_dataset(paths, "frames", name=name, functional="PBE")


def contents(name):
    folder = datasets_dir() / name
    card = json.loads((folder / "card.json").read_text())
    files = {path.name: path.read_bytes() for path in folder.glob("*.*") if path.suffix != ".json"}
    return {key: card[key] for key in card.keys() - {"name", "title", "created", "digest"}}, files


@pytest.mark.parametrize("make", [mptrj, xyz, several, calculations])
def test_an_import_goes_on_where_it_was_ended(make, tmp_path, monkeypatch):
    paths = make(tmp_path)
    imported(paths, "whole")
    note = Journal.note
    calls = 0

    def ends(self, writer):
        nonlocal calls
        calls += 1
        if calls % 7 == 0:
            raise KeyboardInterrupt
        note(self, writer)

    monkeypatch.setattr(Journal, "note", ends)
    kept, n_ended = [0], 0
    while True:
        try:
            imported(paths, "parts")
            break
        except KeyboardInterrupt:
            n_ended += 1
            assert not (datasets_dir() / "parts").exists()
            kept += [one.n for one in interrupted()]
    assert n_ended
    assert kept == sorted(kept)
    assert max(kept) >= 4
    assert contents("parts") == contents("whole")
    assert interrupted() == []
    assert len(open_frames(datasets_dir() / "parts").batches().__next__()[1]) == 4
    assert not [path for path in datasets_dir().iterdir() if path.name.startswith(".")]


@pytest.fixture
def ended(tmp_path, monkeypatch):
    """The file of an import that has been ended."""
    return end_import(tmp_path, monkeypatch)


def folder_of(name):
    return find_interrupted(name).path


def test_an_ended_import_is_listed_goes_on_or_is_discarded(ended):
    (one,) = interrupted()
    assert (one.name, one.n) == ("salts", 12)
    study = ImportStudy.of_interrupted(one)
    assert study.n_kept == 12
    assert study.paths == [str(ended)]
    assert sweep(folder_of("salts").stat().st_mtime + 2 * DAY) == []
    discard("salts")
    assert interrupted() == []
    with pytest.raises(LabError, match="no interrupted import of 'salts'"):
        find_interrupted("salts")


def test_a_name_that_begins_like_another_one_is_another_one(tmp_path, monkeypatch):
    end_import(tmp_path, monkeypatch, name="salts.2")
    discard("salts")
    assert [one.name for one in interrupted()] == ["salts.2"]


def test_files_that_have_changed_are_imported_from_their_beginning(ended):
    ended.write_text(ended.read_text().replace("energy=-7", "energy=-8"))
    imported([ended], "salts")
    energies = open_frames(datasets_dir() / "salts").energies()
    np.testing.assert_allclose(energies[:40], [-4.0 - n / 100 for n in range(N)])


@pytest.mark.parametrize("damage", ["shard", "journal", "missing"])
def test_what_is_damaged_is_imported_from_its_beginning(ended, damage):
    shard = next(folder_of("salts").glob("*.arrow"))
    journal = folder_of("salts") / "import.journal"
    if damage == "missing":
        shard.unlink()
    elif damage == "shard":
        shard.write_bytes(shard.read_bytes()[:100])
    else:
        journal.write_bytes(b"\0" + journal.read_bytes()[1:])
    assert imported([ended], "salts").n == N


def test_after_a_restart_of_the_machine_an_import_begins_again(ended, monkeypatch):
    monkeypatch.setattr(resuming, "boot_id", lambda: "another")
    assert interrupted() == []
    assert imported([ended], "salts").n == N
