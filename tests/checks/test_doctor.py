"""The doctor on faults, each alone, and on data without any."""

import numpy as np
import pytest

from core.checks import doctor
from core.checks.doctor import RUN, diagnose
from core.frames.schema import Card, Frame
from core.frames.store import open_frames, write_frames
from core.transfer.source_model import SourceModel
from tests.checks.conftest import alarms, frames_of, written
from tests.checks.faults import FAULTS, GGA, MP_GGA, PAPER, R2SCAN

COMMON = ["H", "Li", "C", "N", "O", "F", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "K", "Ca", "Ti"]
COMMON += ["V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Se", "Br", "Sr", "Y", "Zr", "Nb", "Mo"]
COMMON += ["Ba", "La", "W"]

OTHER = {GGA: "chgnet-r2scan", R2SCAN: "chgnet-0.3.0"}
"""The model of the other functional, whose predictions are off as in a transfer."""


WEAK = ["+U mixture", "half of them corrected", "an element in held-out frames alone"]
"""Faults that other draws of the frames hide more easily."""


@pytest.mark.parametrize(
    ("name", "seed"), [*((name, 0) for name in FAULTS), *((name, 6) for name in WEAK)]
)
def test_faults(name, seed, home, looked_up):
    fault = FAULTS[name]
    frames = fault.inject(frames_of(fault.labels, COMMON, seed=seed), np.random.default_rng(1))
    data = written(home / "faulty", frames, **fault.card)
    diagnosis = diagnose(data, SourceModel(fault.model or OTHER[fault.labels], "cpu", 1), parts=RUN)
    findings = diagnosis.findings(**fault.asked)
    assert fault.found in {one.kind for one in findings}
    assert set(alarms(findings)) <= {fault.found} | fault.echoes


METALS = ["Li", "Mg", "Al", "Si", "Ti", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "Zr"]
METALS += ["Nb", "Mo", "Ru", "Rh", "Pd", "Ag", "Hf", "Ta", "W", "Re", "Ir", "Pt", "Au"]
IONS = ["Li", "Na", "K", "Rb", "Cs", "Mg", "Ca", "Sr", "Ba", "Al", "Sc", "Y", "La", "Zn", "Cd"]
IONS += ["Hg", "Tl", "Pb", "Bi", "Ga", "In", "Ge", "Sn", "As", "Sb"]
CLEAN = {
    "oxides": ["O", *COMMON],
    "halides": ["F", "Cl", "Br", "I", *IONS],
    "chalcogenides": ["S", "Se", "Te", *IONS],
    "intermetallics": METALS,
    "every element": None,
}


@pytest.mark.parametrize("name", CLEAN)
@pytest.mark.parametrize("labels", [GGA, R2SCAN])
def test_clean_sets(name, labels, home, looked_up):
    frames = frames_of(labels, CLEAN[name], seed=2, n=180 if CLEAN[name] else 1200, largest=20)
    data = written(home / "clean", frames, **(MP_GGA if labels == GGA else {}))
    source = SourceModel(OTHER[labels], "cpu", 1)
    findings = diagnose(data, source, parts=RUN).findings(ratios=PAPER)
    assert alarms(findings) == []


def test_isolated_atoms_are_not_taken_for_another_functional(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "energy_unit_findings", lambda *_, **__: [])
    monkeypatch.setattr(doctor, "array_predictions", lambda *_, **__: [])
    oxides = [
        Frame(
            frame_id=f"LiCoO2-{i}",
            material_id=f"m-{i}",
            atomic_numbers=np.array([3, 27, 8, 8]),
            frac_coords=np.random.default_rng(i).random((4, 3)),
            lattice=np.eye(3) * (4 + i / 100),
            energy_per_atom=-5.8 + i / 1000,
        )
        for i in range(60)
    ]
    atoms = [
        Frame(
            frame_id=f"atom-{number}-{energy}",
            material_id=f"atom-{number}",
            atomic_numbers=np.array([number]),
            frac_coords=np.zeros((1, 3)),
            lattice=np.eye(3) * length,
            energy_per_atom=energy,
        )
        for number, energy, length in [(3, -0.3, 15), (27, -2.0, 15), (8, -1.9, 15), (8, 9.0, 15)]
    ]
    card = Card(name="atoms", kind="frames", functional="PBE", labels="dft")
    write_frames(tmp_path / "atoms", card, [*oxides, *atoms])
    data = open_frames(tmp_path / "atoms")
    found = doctor.label_findings(data, SourceModel("chgnet-0.3.0", "cpu"), np.arange(len(data)))
    assert not [one for one in found if one.kind in {"energy_mixture", "energy_outliers"}]
