"""JSON in the form of MPtrj, which CHGNet's StructureJsonData reads."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import orjson

from core.elements import SYMBOLS
from core.frames.export.atoms import total
from core.frames.schema import Card, Frame

_SPECIES: Final = [[], *([{"element": symbol, "occu": 1}] for symbol in SYMBOLS)]

_GPA_TO_KBAR = -10.0
"""From GPa with CHGNet's sign to kBar with VASP's."""


def write_mptrj(path: Path, card: Card, frames: Iterable[Frame]) -> None:
    """Write frames as {material id: {frame id: labels}}, whole materials at a time.

    Keys and units are those of MPtrj: structure, energy_per_atom (eV/atom), corrected_total_energy
    and uncorrected_total_energy (eV), force (eV/Å), stress (kBar, VASP's sign), magmom (μB),
    bandgap (eV), mp_id; null where a label is missing. MPtrj itself has no functional, labels and
    corrections.

    Args:
        path: a new file.
        card: card of the data set.
        frames: taken one by one; the frames of a material follow each other.
    """
    with path.open("wb") as file:
        file.write(b"{")
        for number, (material, members) in enumerate(groupby(frames, lambda one: one.material_id)):
            file.write(b",\n" if number else b"\n")
            file.write(orjson.dumps(material) + b":{")
            for place, frame in enumerate(members):
                file.write(b",\n" if place else b"\n")
                labels = orjson.dumps(_document(card, frame), option=orjson.OPT_SERIALIZE_NUMPY)
                file.write(orjson.dumps(frame.frame_id) + b":" + labels)
            file.write(b"}")
        file.write(b"\n}\n")


def structure_dict(frame: Frame) -> dict[str, Any]:
    """Return the structure of a frame as pymatgen's Structure.from_dict reads it."""
    return {
        "@module": "pymatgen.core.structure",
        "@class": "Structure",
        "charge": 0,
        "lattice": {"matrix": frame.lattice, "pbc": frame.pbc},
        "sites": [
            {"species": species, "abc": abc, "label": species[0]["element"]}
            for species, abc in zip(
                map(_SPECIES.__getitem__, frame.atomic_numbers.tolist()),
                frame.frac_coords.tolist(),
                strict=True,
            )
        ],
    }


def _document(card: Card, frame: Frame) -> dict[str, Any]:
    is_uncorrected = card.corrections == "none" and frame.uncorrected_energy_per_atom is None
    uncorrected = frame.energy_per_atom if is_uncorrected else frame.uncorrected_energy_per_atom
    document: dict[str, Any] = {
        "structure": structure_dict(frame),
        "uncorrected_total_energy": total(frame, uncorrected),
        "energy_per_atom": frame.energy_per_atom,
        "force": frame.forces,
        "stress": None if frame.stress is None else _GPA_TO_KBAR * frame.stress,
        "magmom": frame.magmoms,
        "bandgap": frame.bandgap,
        "mp_id": frame.material_id,
        "functional": card.functional,
        "labels": card.labels,
        "corrections": card.corrections,
    }
    if card.corrections == "MP2020":
        document["corrected_total_energy"] = total(frame, frame.energy_per_atom)
    return document
