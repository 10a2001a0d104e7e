"""Choosing the columns of a table and their units."""

import streamlit as st

from core.frames.sources.preview import Preview
from core.frames.tables.guessing import FIELDS, Kind
from core.frames.tables.labels import STRESS_ORDERS, StressOrder
from core.frames.tables.mapping import LABEL_OF
from core.frames.units import units_of

FIELD_HELP = {
    "material_id": "Material id; default: row number",
    "formula": "Formula",
    "structure": "Structure",
    "source": "Source energy",
    "target": "Target energy",
    "frame_id": "Frame id",
    "energy": "Total energy",
    "uncorrected_energy": "Energy without MP2020 corrections",
    "forces": "Forces",
    "stress": "Stress",
    "magmoms": "Magmoms",
    "bandgap": "Band gap",
    "n_atoms": "Atoms per cell, for energies per cell",
    "functional": "Functional of each row",
}
OF_TABLES = ("structure", "formula")
"""Fields that only tables have: other forms say where their structures are."""

COLUMN_HELP = {
    "structure": "A pymatgen dictionary, CIF or POSCAR.",
    "formula": "Of frames, it is compared with the structure.",
    "functional": "Rows of another functional than the one given are left out.",
}
UNIT_OF = {
    "source": "Unit of the source energy",
    "target": "Unit of the target energy",
    "energy": "Unit of the energy",
    "uncorrected_energy": "Unit of the uncorrected energy",
    "forces": "Unit of the forces",
    "stress": "Unit of the stress",
}


def choose_columns(found: Preview, kind: Kind, key: str) -> dict[str, str]:
    """Return field to column, the guess overruled by the reader; "" for a field left out."""
    guesses = found.mappings[kind]
    options = list(dict.fromkeys(["", *found.guess.columns, *guesses.values()]))
    mapping = {}
    columns = st.columns(3)
    fields = [field for field in FIELDS[kind] if found.is_table or field not in OF_TABLES]
    for number, field in enumerate(fields):
        mapping[field] = columns[number % 3].selectbox(
            FIELD_HELP[field],
            options,
            index=options.index(guesses.get(field, "")),
            format_func=lambda column: column or "none",
            key=f"{field}-{key}",
            help=COLUMN_HELP.get(field),
        )
    return mapping


def choose_units(
    found: Preview, mapping: dict[str, str], key: str
) -> tuple[dict[str, str], StressOrder | None]:
    """Show a box for the unit of each label, at first the one that its column states.

    Returns:
        Field to unit where it is not the column's own, and the order of six numbers of stress where
        one is chosen.
    """
    suggested = found.units(mapping)
    fields = [field for field in UNIT_OF if field in suggested]
    units: dict[str, str] = {}
    boxes = st.columns(3)
    for number, field in enumerate(fields):
        names = [unit.name for unit in units_of(LABEL_OF[field])]
        if suggested[field] and suggested[field] not in names:
            names.append(suggested[field])
        unit = boxes[number % 3].selectbox(
            UNIT_OF[field],
            names,
            index=names.index(suggested[field]) if suggested[field] else None,
            placeholder="The column states another unit; choose one",
            key=f"unit-{field}-{key}-{mapping[field]}",
            help=_help(field),
        )
        if unit is not None and unit != suggested[field]:
            units[field] = unit
    if "stress" not in suggested:
        return units, None
    order = boxes[len(fields) % 3].selectbox(
        "Order of six numbers of stress",
        [None, *STRESS_ORDERS],
        format_func=lambda one: f"{one}: {STRESS_ORDERS[one]}" if one else "nine numbers",
        key=f"order-{key}",
        help="Six numbers of stress stand in another order in VASP than in ASE.",
    )
    return units, order


def _help(field: str) -> str:
    if field == "stress":
        return (
            "GPa and eV/Å³ with the sign of ∂E/∂ε, as in ASE; kBar with the sign of a pressure, as "
            "VASP writes it; a virial is −V × stress; a leading - reverses the sign."
        )
    if field == "forces":
        return "A leading - reverses the sign: gradients are forces in -eV/Å."
    return "Energies per cell need structures or a column of numbers of atoms."
