"""Restart files of GPAW 0.11, written as its gpaw/io/tar.py wrote them."""

import io
import tarfile

import numpy as np
import pytest
from ase.units import Bohr, Hartree

from core.errors import LabError
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.progress import silent

ARRAYS = {
    "AtomicNumbers": np.array([3, 9]),
    "CartesianPositions": np.array([[0.0, 0, 0], [3.8, 0, 0]]),
    "UnitCell": np.eye(3) * 7.6,
    "BoundaryConditions": np.array([1, 1, 1]),
    "CartesianForces": np.array([[0.0, 0, 0.01], [0, 0, -0.01]]),
    "PotentialEnergy": np.array(-0.35),
    "PseudoDensity": np.zeros((2, 2)),
}


def written(path, *, order="little", cut=None, states_size=True, **changes):
    arrays = {name: value for name, value in {**ARRAYS, **changes}.items() if value is not None}
    xml = [f'<gpaw_io version="0.1" endianness="{order}">']
    xml.append('  <parameter name="XCFunctional" value="PBE"/>')
    with tarfile.open(path, "w") as archive:
        for name, value in arrays.items():
            kind = "int" if value.dtype.kind == "i" else "float"
            size = f' itemsize="{value.itemsize}"' if states_size else ""
            xml.append(f'  <array name="{name}" type="{kind}"{size}>')
            xml += [f'    <dimension length="{n}" name="n{n}"/>' for n in value.shape]
            xml.append("  </array>")
            add(archive, name, value.astype(value.dtype.newbyteorder(order[0])).tobytes()[:cut])
        add(archive, "info.xml", "\n".join([*xml, "</gpaw_io>"]).encode())
    return path


def add(archive, name, content):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("states_size", [True, False])
def test_results_are_in_ev(tmp_path, order, states_size):
    changes = {} if states_size else {"AtomicNumbers": np.array([3, 9], dtype=np.int32)}
    source = open_source(
        written(tmp_path / "old.gpw", order=order, states_size=states_size, **changes)
    )
    assert source is not None
    assert (source.form, source.functional) == ("gpw-0", "PBE")
    (frame,) = RecordFrames(source).frames(silent)
    assert frame.atomic_numbers.tolist() == [3, 9]
    assert frame.energy_per_atom == pytest.approx(-0.35 * Hartree / 2)
    np.testing.assert_allclose(frame.lattice, np.eye(3) * 7.6 * Bohr)
    np.testing.assert_allclose(frame.forces, ARRAYS["CartesianForces"] * Hartree / Bohr)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"UnitCell": None}, "no structure"),
        ({"AtomicNumbers": np.array([3, 95])}, "beyond H to Pu"),
        ({"cut": 5}, "damaged"),
        ({"CartesianForces": np.zeros((3, 3))}, "forces"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, changes, why):
    source = open_source(written(tmp_path / "old.gpw", **changes))
    assert source is not None
    with pytest.raises(LabError, match=why):
        list(RecordFrames(source).frames(silent))
