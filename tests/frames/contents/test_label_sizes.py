"""Labels of unusual size are counted."""

import numpy as np

from core.frames.contents.numbers import contents_of, size_findings
from core.frames.registry import open_frame_set
from core.frames.schema import Card, Frame
from core.frames.store import open_frames, write_frames


def test_large_forces_and_stresses_are_counted(tmp_path):
    frames = [
        Frame(
            frame_id=f"f{n}",
            material_id="m",
            atomic_numbers=np.array([11, 17]),
            frac_coords=np.array([[0, 0, 0], [0.5, 0.5, 0.5]]),
            lattice=np.eye(3) * 4,
            energy_per_atom=-3.0,
            forces=np.array([[0.0, 3, 4], [0, 0, 0]]) * scale,
            stress=np.eye(3) * scale,
        )
        for n, scale in enumerate((0.1, 1.0, 20.0, 5770.2))
    ]
    write_frames(tmp_path / "set", Card(name="set", kind="frames", functional="PBE"), frames)
    forces, stresses = size_findings(contents_of(open_frames(tmp_path / "set")))
    assert forces.message == ("2 frames have forces above 50 eV/Å, at most 28,851 eV/Å.")
    assert stresses.message.startswith("1 frames have stresses above 200 GPa")


def test_embedded_frames_raise_nothing():
    assert size_findings(contents_of(open_frame_set("mp-frames-gga"))) == []
