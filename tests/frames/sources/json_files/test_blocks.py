"""Frames that are taken many at once are those that are taken one by one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from core.frames.schema import Card
from core.frames.sources.json_files import typed
from core.frames.sources.many import ManyFiles
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.frames.store import write_frames
from core.progress import silent

STRUCTURE = Structure(Lattice.cubic(4.0), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.51]]).as_dict()
SITES = STRUCTURE["sites"]
CUBIC = STRUCTURE["lattice"]
FORCES = [[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]]
STRESS = [[10.0, 1.0, 2.0], [1.0, 20.0, 3.0], [2.0, 3.0, 30.0]]
DOCUMENT = {
    "structure": STRUCTURE,
    "uncorrected_total_energy": -7.0,
    "corrected_total_energy": -8.0,
    "energy_per_atom": -4.0,
    "force": FORCES,
    "stress": STRESS,
    "magmom": [0.5, -0.25],
    "bandgap": 1.5,
    "mp_id": "mp-1",
    "functional": "GGA",
}
NAN, INFINITE = float("nan"), float("inf")


def structure(**changes: Any) -> dict[str, Any]:
    return {"structure": STRUCTURE | changes}


def site(**changes: Any) -> dict[str, Any]:
    return structure(sites=[SITES[0] | changes, SITES[1]])


def cell(rows: list[list[float]]) -> dict[str, Any]:
    return structure(lattice=CUBIC | {"matrix": rows})


def labels(key: str, *values: Any) -> list[dict[str, Any]]:
    return [{key: value} for value in values]


CHANGES: list[dict[str, Any]] = [
    *labels("energy_per_atom", None, NAN, INFINITE, "-4.5", "low", -4, True, "", [], -4.5, 1e308),
    *labels("uncorrected_total_energy", None, NAN, "x", ...),
    *labels("bandgap", None, 0, "", "1.5"),
    *labels("force", None, ..., [], FORCES[:1], [*FORCES, [0, 0, 0]], [[0.1, 0.2]] * 2, "x", 5),
    *labels(
        "force", [[NAN, 0, 0]] * 2, [["0", 0, 0]] * 2, [[None, 0, 0]] * 2, [[1, 0, 0], [0] * 3]
    ),
    *labels("stress", None, ..., [1, 2, 3, 4, 5, 6], list(range(9)), STRESS[:2], 5, {"xx": 1}),
    *labels("stress", [[1, 2], [3, 4], [5, 6]], [[INFINITE] * 3] * 3, [STRESS[0]] * 6),
    *labels("magmom", None, ..., [], [1], [1, 2, 3], [[1], [2]], {"a": 1, "b": 2}, [1, True]),
    *labels("mp_id", None, 7, "mp-2", ..., [1]),
    *labels("frame_id", "one", 7, None),
    *labels("functional", "GGA+U", "r2SCAN", "", None, "PBE", 3),
    *labels("structure", None, "CIF", {}, []),
    *(site(species=value) for value in ([], [{"element": "D"}], [{"element": "Am", "occu": 1}])),
    *(site(species=[{"element": "Na", "occu": value}]) for value in (0.5, None, 1.0, 1 + 1e-9)),
    *(
        site(abc=value)
        for value in ([0, 0], [0, 0, NAN], [0] * 4, [0, 0, "0"], None, [0, 0, 1e308])
    ),
    *(
        cell(rows)
        for rows in ([[4, 0, 0]] * 3, np.diag([1e9] * 3).tolist(), [[4, 0, 0]], [[NAN] * 3] * 3)
    ),
    *(cell(np.diag([length] * 3).tolist()) for length in (0.05, 0.009, 1e200)),
    *(structure(lattice=CUBIC | {"pbc": [True, True, last]}) for last in (True, False)),
    structure(lattice=CUBIC | {"pbc": [False] * 3}),
    structure(lattice={"matrix": CUBIC["matrix"]}),
    structure(sites=[]),
]
TEXTS = [  # What no document is.
    '{"structure": 1e999}',
    "[" * 2000 + "]" * 2000,
    "5",
    '{"energy_per_atom": -4',
    '"\\ud800"',
]


def taken(path: Path, folder: Path, *, at_once: bool, **settings: Any) -> dict[str, Any]:
    """Return the card of an import, with the hash of what is stored."""
    records = RecordFrames(ManyFiles([open_source(path)]), **settings)
    return write_frames(
        folder / ("rows" if at_once else "frames"),
        Card(name="x", kind="frames"),
        records.rows(silent) if at_once else records.frames(silent),
        shard_size=99,
        describe=records.describe,
        refuse=records.refuse_frame,
    ).model_dump()


@pytest.mark.parametrize(
    ("size", "chosen"),
    [
        (1 << 20, {"functional": "GGA/GGA+U"}),
        (4000, {"functional": "GGA/GGA+U"}),
        (4000, {"units": {"energy": "-eV/cell", "stress": "eV virial"}}),
        (4000, {"mapping": {"frame_id": "force", "bandgap": "", "stress": ""}}),
    ],
)
def test_the_same_frames_are_taken_and_refused(tmp_path, monkeypatch, size, chosen):
    monkeypatch.setattr(typed, "_TOGETHER", size)
    texts = [one if isinstance(one, str) else dumped(one) for one in [*CHANGES, *TEXTS]]
    texts = [text for each in texts for text in (dumped({}), each)]
    inner = ", ".join(f'"mp-1-{place % 50}": {text}' for place, text in enumerate(texts))
    path = tmp_path / "data.json"
    path.write_text(f'{{"mp-1": {{{inner}}}}}')
    one_by_one = taken(path, tmp_path, at_once=False, **chosen)
    assert one_by_one["n"] > len(texts) / 2
    assert taken(path, tmp_path, at_once=True, **chosen) == one_by_one


def dumped(changes: dict[str, Any]) -> str:
    return json.dumps({key: one for key, one in (DOCUMENT | changes).items() if one is not ...})


def test_frames_with_nothing_unusual_are_taken_at_once(write):
    path = write({"mp-1": {"a": DOCUMENT, "b": DOCUMENT | {"force": "x"}, "c": DOCUMENT}})
    records = RecordFrames(open_source(path))
    kinds = [type(one).__name__ for one in records.rows(silent)]
    assert kinds == ["RecordBatch", "RecordBatch"]
