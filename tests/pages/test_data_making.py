"""Data: files, subsets, pairs and corrected energies made of a data set."""

import json
import shlex

import numpy as np
import pytest
from typer.testing import CliRunner

from core.cli import app as cli
from core.frames.registry import open_dataset
from core.frames.schema import Card, Frame
from core.frames.store import write_frames
from core.studies.job.directory import Job
from core.studies.job.listing import jobs_of
from core.studies.job.local import compute_here
from core.studies.making import KINDS
from pages.parts.data import making

GGA = {"energy_per_atom": -5.0, "forces": np.zeros((2, 3))}


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Forms are open, and jobs run in this process."""
    monkeypatch.setattr(making, "is_open", lambda _: True)

    def launch(study):
        study.check()
        compute_here(Job.of(study), lambda *_: None)

    monkeypatch.setattr(making, "launch", launch)


@pytest.fixture
def two(home):
    """Ten materials of lithium oxide and of iron in PBE and in r2SCAN."""
    for functional, shift in (("PBE", 0.0), ("r2SCAN", -8.0)):
        frames = [
            Frame(
                frame_id=f"f{i}",
                material_id=f"m{i}",
                atomic_numbers=np.array([3, 8] if i % 2 else [26, 26]),
                frac_coords=np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]]),
                lattice=(3 + 0.1 * i) * np.eye(3),
                **(GGA | {"energy_per_atom": -5.0 + shift - i}),
            )
            for i in range(10)
        ]
        card = Card(
            name=functional.lower(), kind="frames", functional=functional, corrections="none"
        )
        write_frames(home / "datasets" / card.name, card, frames)


def press(at, label):
    next(one for one in at.button if one.label == label).click().run()
    assert not at.exception, at.exception
    return at


def box(elements, label):
    return next(one for one in elements if one.label == label)


def line(at, word):
    """Return the command of the page with a word in it."""
    (found,) = [one.value for one in at.code if f"datasets {word}" in one.value]
    return found


def told(at):
    return " ".join(one.value for one in (*at.success, *at.error, *at.caption)).replace("\\", "")


def test_selected_frames_are_exported(visit, two, home):
    at = visit("data", set="pbe", elements=["Li"])
    press(at, "Export")
    assert "pbe.extxyz: 5 of the 10 frames of pbe with Li." in told(at)
    text = (home / "exports" / "pbe.extxyz").read_text()
    assert text.count("Lattice=") == 5
    assert box(at.get("download_button"), "Download")
    assert line(at, "export") == "atomref datasets export pbe --out pbe.extxyz --all-of Li"
    press(at, "Export")
    assert "exists already" in told(at)
    box(at.text_input, "File").set_value("../out.extxyz").run()
    press(at, "Export")
    assert "not the name of a file" in told(at)
    press(at, "Dismiss")
    assert not jobs_of(KINDS, "pbe")
    assert (home / "exports" / "pbe.extxyz").exists(), "what was made stays"


def test_a_subset_is_made_of_the_selected_frames(visit, two):
    at = visit("data", set="r2scan", elements=["Fe"])
    box(at.number_input, "Frames").set_value(3).run()
    command = line(at, "subset")
    press(at, "Make subset")
    part = open_dataset("r2scan-part")
    assert len(part) == 3
    assert all(set(frame.atomic_numbers) == {26} for frame in part.frames(range(3)))
    assert "3 of the 10 frames of r2scan" in told(at)
    words = shlex.split(command.replace("r2scan-part", "again"))[1:]
    assert CliRunner().invoke(cli, words).exit_code == 0
    assert open_dataset("again").material_ids().tolist() == part.material_ids().tolist()
    at = visit("data", set="r2scan-part")
    assert any(one.value.startswith("3 frames, 3 materials") for one in at.markdown)


def test_two_functionals_are_joined_into_pairs(visit, two):
    at = visit("data", set="pbe")
    assert line(at, "join") == (
        "atomref datasets join pbe r2scan --name pbe-r2scan --by id --keep lowest"
    )
    press(at, "Join")
    pairs = open_dataset("pbe-r2scan")
    columns = [energy.column for energy in pairs.card.energies]
    shift = pairs.energy(columns[1]) - pairs.energy(columns[0])
    assert shift.tolist() == [-8.0] * 10
    at = visit("data", set="pbe-r2scan")
    labels = [one.label for one in at.button]
    assert "Export" in labels
    assert not {"Join", "Make subset"} & set(labels), "pairs are exported only"


def test_corrections_are_added_to_gga_frames(visit, two):
    at = visit("data", set="pbe")
    press(at, "Add corrections")
    made = open_dataset("pbe-corrected")
    assert made.card.corrections == "MP2020"
    assert json.loads(made.card.model_dump_json())["n"] == len(made)


def test_what_cannot_be_made_says_why(visit, two):
    at = visit("data", set="pbe")
    box(at.text_input, "Name of the new data set").set_value("r2scan").run()
    press(at, "Make subset")
    assert "exists already" in told(at)
