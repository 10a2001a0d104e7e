"""Import of a table as any kind of data set."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from core.frames.functionals import canonical_functional
from core.frames.schema import Card
from core.frames.tables.energy_table import EnergyTable
from core.frames.tables.frame_table import FrameTable, import_frames
from core.frames.tables.guessing import Kind
from core.frames.tables.mapping import ImportPlan
from core.frames.tables.opening import open_table
from core.frames.tables.pair_table import import_energies, import_pairs

_IMPORTS: dict[Kind, Callable[..., Card]] = {
    "pairs": import_pairs,
    "frames": import_frames,
    "energies": import_energies,
}


def import_dataset(path: Path | str, kind: Kind, **settings: Any) -> Card:
    """Import a table as a new data set; settings and errors are those of its kind.

    See `import_pairs`, `import_frames` and `import_energies`.
    """
    return _IMPORTS[kind](path, **settings)


def plan_import(
    path: Path | str,
    kind: Kind,
    *,
    functional: str | None = None,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
) -> ImportPlan:
    """Return what `import_dataset` would take from a table; arguments as of its kind.

    Raises:
        LabError: if the table cannot be read or lacks what the kind needs.
    """
    functional = functional and canonical_functional(functional)
    if kind == "frames":
        return FrameTable(open_table(path), mapping, functional or "", units).plan
    return EnergyTable(path, kind, mapping, functional=functional, units=units).plan
