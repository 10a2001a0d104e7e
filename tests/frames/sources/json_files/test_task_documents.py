"""Task documents of emmet: ionic steps, energies, functionals."""

import numpy as np
import pytest

from core.frames.schema import Card
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.progress import silent
from tests.frames.sources.json_files.documents import (
    FORCES,
    KBAR,
    STRUCTURE,
    read,
    refused,
    step,
    task,
)


def test_ionic_steps_are_in_the_order_of_their_calculation(write):
    document = task(step(-7.0), step(-7.5))
    document["calcs_reversed"].append(task(step(-6.5))["calcs_reversed"][0])
    frames, read_frames = read(write(document))
    assert [frame.energy_per_atom for frame in frames] == [-3.25, -3.5, -3.75]
    assert [frame.frame_id for frame in frames] == ["mp-7-1-0", "mp-7-0-0", "mp-7-0-1"]
    assert {frame.material_id for frame in frames} == {"mp-7"}
    assert read_frames.functionals == {"r2SCAN": 3}
    last = frames[-1]
    np.testing.assert_allclose(last.stress, np.array(KBAR) * -0.1)
    assert last.magmoms is not None
    assert last.magmoms.tolist() == [0, 1.5]
    assert last.bandgap == 1.5


def test_the_energies_that_vasp_5_mislabels_are_found(write):
    """The step's e_0_energy holds the entropy term, and electronic steps lack dispersion."""
    vasp_5 = step(
        e_fr_energy=-7.25,
        e_wo_entrp=-7.0,
        e_0_energy=0.25,
        electronic_steps=[{"e_fr_energy": -5.25, "e_0_energy": -5.0}],
    )
    (frame,), _ = read(write([task(vasp_5)]))
    assert frame.energy_per_atom == -3.5
    (frame,), _ = read(write([task(vasp_5 | {"electronic_steps": None})]))
    assert frame.energy_per_atom == -3.5


def test_steps_may_be_chosen(write):
    source = open_source(write(task(step(), step(-7.5, electronic_steps=[{}] * 60))))
    assert source is not None
    source.choose("last", with_unconverged=True)
    (frame,) = RecordFrames(source).frames(silent)
    assert frame.frame_id == "mp-7-0-1"


def test_tags_tell_the_functional_where_the_document_does_not(write):
    document = task(step())
    calculation = document["calcs_reversed"][0]
    calculation["run_type"] = None
    calculation["input"]["parameters"] |= {"METAGGA": "R2SCA", "GGA": "--", "LDAU": False}
    assert read(write(document))[1].functionals == {"r2SCAN": 1}


@pytest.mark.parametrize("wrap", [{"uuid": "x", "output": task(step())}, task(step())])
def test_a_job_of_jobflow_holds_a_task(write, wrap):
    (frame,), _ = read(write([wrap]))
    assert frame.energy_per_atom == -3.5
    assert frame.frame_id == "mp-7-0-0"


def test_a_vasprun_as_dictionary_is_one_calculation(write):
    output = {"ionic_steps": [step(), step(-8.0)], "bandgap": 1.5, "crystal": {}}
    frames, _ = read(write({"vasp_version": "6.1", "run_type": "GGA", "output": output}))
    assert [frame.energy_per_atom for frame in frames] == [-3.5, -4]


def test_unconverged_steps_are_left_out(write):
    frames, read_frames = read(write(task(step(), step(), nelm=2) | {"x": 1} | task(step())))
    assert len(frames) == 1
    document = task(step(), step(-8.0, electronic_steps=[{}] * 60))
    frames, read_frames = read(write(document))
    assert len(frames) == 1
    assert "stopped at NELM" in refused(read_frames)[0][1]


@pytest.mark.parametrize(
    "wrap", [lambda one: one, lambda one: {"uuid": "x", "output": one}], ids=["task", "job"]
)
def test_a_task_without_steps_gives_its_output(write, wrap):
    output = {"structure": STRUCTURE.as_dict(), "energy": -7.0, "forces": FORCES, "stress": KBAR}
    tags = {"incar": {"GGA": "Pe"}}
    (frame,), frames = read(write([wrap({"task_id": "mp-7", "output": output, "input": tags})]))
    assert list(frames.functionals) == ["PBE"]
    assert frame.energy_per_atom == -3.5
    np.testing.assert_allclose(frame.stress, np.array(KBAR) * -0.1)
    assert "no ionic steps" in frames.describe(Card(name="x", kind="frames")).description
