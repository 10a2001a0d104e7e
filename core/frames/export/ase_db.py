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

    database = connect(path, type="db", append=False, use_lock_file=False)
    common: dict[str, Any] = {
        "functional": card.functional or "unknown",
        "labels": card.labels,
        "corrections": card.corrections,
    }
    common_keys, common_data = _parted(common)
    with database:
        database.metadata = {"title": card.title, "card": card.model_dump(mode="json")}
        for frame in frames:
            ids = {"frame_id": frame.frame_id, "material_id": frame.material_id}
            keys, data = _parted(ids)
            numbers = {
                "uncorrected_energy": total(frame, frame.uncorrected_energy_per_atom),
                "bandgap": frame.bandgap,
            }
            known = {name: value for name, value in numbers.items() if value is not None}
            database.write(
                atoms_of(frame), key_value_pairs=common_keys | keys | known, data=common_data | data
            )


def _parted(texts: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the texts that ASE takes as keys, and the others."""
    from ase.db.core import check  # noqa: PLC0415  takes a while to import

    keys, data = {}, {}
    for name, text in texts.items():
        try:
            check({name: text})
        except ValueError:
            data[name] = text
        else:
            keys[name] = text
    return keys, data
