"""What a table holds that has no total energies of materials: energies of elements, or others."""

import pyarrow as pa

from core.elements import INDEX, ISOTOPES
from core.errors import LabError
from core.frames.functionals import words_of
from core.frames.tables.tabular import TableFile

_FORMATION = frozenset({"form", "formation", "ef", "ed", "hull", "ehull", "decomposition", "delta"})
_FEWEST = 3


def without_energies(file: TableFile) -> LabError:
    """Return the error for a table none of whose columns looks like total energies."""
    name = file.path.name
    if _lists_elements(file):
        return LabError(
            f"{name} has one row per element, so it holds reference energies of elements; save "
            f"them as an AtomRef with atomref atomrefs save NAME {name} --functional FUNCTIONAL."
        )
    relative = [column for column in file.columns if _FORMATION & set(words_of(column))]
    if relative:
        return LabError(
            f"{name} holds formation energies or distances from the hull ({', '.join(relative)}), "
            "which are no total energies; choose a table with total energies, or name their "
            "column with --map energy=COLUMN."
        )
    return LabError(
        f"{name} has no column that looks like total energies (eV/atom); name "
        "it with --map energy=COLUMN, or two with --map source=COLUMN --map target=COLUMN. Its "
        f"columns are: {file.listed()}."
    )


def _lists_elements(file: TableFile) -> bool:
    """Return whether a column names a different element in every row."""
    head = file.head()
    for column in head.columns:
        if not pa.types.is_string(column.type):
            continue
        texts = [text.strip() for text in column.to_pylist() if text]  # Na is sodium here
        elements = {ISOTOPES.get(text, text) for text in texts}
        if len(texts) == len(head) >= _FEWEST and elements <= INDEX.keys():
            return len(elements) == len(texts)
    return False
