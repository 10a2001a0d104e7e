"""ASE's database of structures, a file of SQLite."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from core.frames.export.atoms import atoms_of, total
from core.frames.schema import Card, Frame


def write_ase_db(path: Path, card: Card, frames: Iterable[Frame]) -> None:
    """Write frames with their labels as results of calculators.

    Each row has the keys frame_id, material_id, functional, labels, corrections,
    uncorrected_energy (eV) and bandgap (eV); texts that ASE takes for numbers are in its data. The
    metadata hold the card.

    Args:
        path: a new file.
        card: card of the data set.
        frames: taken one by one.
    """
    from ase.db import connect  # noqa: PLC0415  takes a while to import
    from ase.db.core import check  # noqa: PLC0415  the same

    database = connect(path, type="db", append=False, use_lock_file=False)
    with database:
        database.metadata = {"title": card.title, "card": card.model_dump(mode="json")}
        for frame in frames:
            values = {
                "frame_id": frame.frame_id,
                "material_id": frame.material_id,
                "functional": card.functional,
                "labels": card.labels,
                "corrections": card.corrections,
                "uncorrected_energy": total(frame, frame.uncorrected_energy_per_atom),
                "bandgap": frame.bandgap,
            }
            keys: dict[str, Any] = {}
            data: dict[str, Any] = {}
            for name, value in values.items():
                if value is None:
                    continue
                try:
                    check({name: value})
                except ValueError:
                    data[name] = value
                else:
                    keys[name] = value
            database.write(atoms_of(frame), key_value_pairs=keys, data=data)
