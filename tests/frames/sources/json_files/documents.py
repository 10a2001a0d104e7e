"""Documents of pymatgen and emmet as tests write and read them."""

import json

from pymatgen.core import Lattice, Structure
from pymatgen.entries.computed_entries import (
    ComputedStructureEntry,
)

from core.frames.schema import Card, Frame
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.progress import silent

STRUCTURE = Structure(
    Lattice.from_parameters(4, 5, 6, 80, 95, 100), ["Na", "Cl"], [[0.1, 0, 0], [0.4, 0.6, 0.5]]
)
FORCES = [[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]]
KBAR = [[30.0, 1.0, 2.0], [1.0, 20.0, 3.0], [2.0, 3.0, 10.0]]
DOCUMENT = {"structure": STRUCTURE.as_dict(), "energy": -7.0, "forces": FORCES}


def entry(energy=-7.0, entry_id="mp-1", run_type="GGA", **changes):
    made = ComputedStructureEntry(
        STRUCTURE, energy, entry_id=entry_id, parameters={"run_type": run_type}
    )
    return json.loads(json.dumps(made.as_dict())) | changes


def step(energy=-7.0, **changes):
    return {
        "structure": STRUCTURE.as_dict(),
        "e_fr_energy": energy - 0.25,
        "e_wo_entrp": energy + 0.25,
        "e_0_energy": energy,
        "forces": FORCES,
        "stress": KBAR,
        "electronic_steps": [
            {"e_fr_energy": 1.0, "e_0_energy": 2.0},
            {"e_fr_energy": energy - 0.25, "e_0_energy": energy},
        ],
        **changes,
    }


def task(*steps, nelm=60, **changes):
    output = {
        "ionic_steps": list(steps),
        "bandgap": 1.5,
        "outcar": {"magnetization": [{"tot": 0.0}, {"tot": -1.5}]},
    }
    calculation = {
        "run_type": "r2SCAN",
        "input": {"parameters": {"NELM": nelm}},
        "output": output,
    }
    return {"task_id": "mp-7", "calcs_reversed": [calculation], **changes}


def read(path, **settings) -> tuple[list[Frame], RecordFrames]:
    source = open_source(path)
    assert source is not None
    frames = RecordFrames(source, **settings)
    return list(frames.frames(silent)), frames


def refused(frames: RecordFrames) -> list[tuple[str, str]]:
    report = frames.describe(Card(name="x", kind="frames")).report
    assert report is not None
    return [(one.where, one.why) for one in report.refused]
