"""Files in the form of MPtrj of any size, for measuring, not for learning.

The structures are embedded ones, repeated to some 32 atoms and displaced at random for every frame;
energies, forces, stresses and magmoms are random numbers of a usual size. The keys are those of the
published file, which has 7.2 kB per frame; here it is 8 kB.
"""

from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from core.elements import SYMBOLS
from core.frames.schema import Frame
from harness.workload import make_frames

FRAMES_PER_MATERIAL = 11
_DIGITS = 8
_STRUCTURES = 200


def write_mptrj_file(path: Path, size: int, *, seed: int = 0) -> int:
    """Write a file of at least some bytes.

    Args:
        path: the file.
        size: bytes after which it ends.
        seed: seed of everything random in it.

    Returns:
        Number of frames.
    """
    rng = np.random.default_rng(seed)
    n_materials = n_frames = 0
    with path.open("wb") as file:
        file.write(b"{")
        for frame in cycle(make_frames(_STRUCTURES)):
            name = f"mp-{n_materials}"
            documents = {
                f"{name}-{step // 4}-{step % 4}": _document(frame, name, rng)
                for step in range(FRAMES_PER_MATERIAL)
            }
            text = orjson.dumps({name: documents}, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
            # As json.dump writes it.
            text = text.replace(b",", b", ").replace(b'":', b'": ')
            file.write(b", " + text if n_materials else text)
            n_materials += 1
            n_frames += FRAMES_PER_MATERIAL
            if file.tell() >= size:
                break
        file.write(b"}")
    return n_frames


def _document(frame: Frame, material: str, rng: np.random.Generator) -> dict[str, Any]:
    n = len(frame)
    lattice = np.round(frame.lattice * (1 + 0.01 * rng.standard_normal()), _DIGITS)
    abc = frame.frac_coords + 0.002 * rng.standard_normal((n, 3))
    xyz = np.round(abc @ lattice, _DIGITS)
    symbols = [SYMBOLS[number - 1] for number in frame.atomic_numbers.tolist()]
    stress = rng.standard_normal((3, 3)) * rng.exponential(20)
    energy = round(n * (rng.uniform(-8, -3)), _DIGITS)
    lengths = np.linalg.norm(lattice, axis=1)
    return {
        "structure": {
            "@module": "pymatgen.core.structure",
            "@class": "Structure",
            "charge": None,
            "lattice": {
                "matrix": lattice,
                "pbc": [True, True, True],
                "a": float(lengths[0]),
                "b": float(lengths[1]),
                "c": float(lengths[2]),
                "alpha": 90.0,
                "beta": 90.0,
                "gamma": 90.0,
                "volume": float(abs(np.linalg.det(lattice))),
            },
            "sites": [
                {
                    "species": [{"element": symbol, "occu": 1}],
                    "abc": one,
                    "xyz": other,
                    "label": symbol,
                    "properties": {},
                }
                for symbol, one, other in zip(symbols, abc.tolist(), xyz.tolist(), strict=True)
            ],
        },
        "uncorrected_total_energy": energy,
        "corrected_total_energy": energy - 0.1 * n,
        "energy_per_atom": energy / n - 0.1,
        "ef_per_atom": float(rng.standard_normal()),
        "e_per_atom_relaxed": energy / n - 0.1,
        "ef_per_atom_relaxed": float(rng.standard_normal()),
        "force": np.round(0.2 * rng.standard_normal((n, 3)), _DIGITS).tolist(),
        "stress": np.round(stress + stress.T, _DIGITS),
        "magmom": np.round(rng.exponential(0.5, n), 3) if rng.random() < 0.5 else None,
        "bandgap": float(np.round(rng.exponential(1.0), 4)),
        "mp_id": material,
    }
