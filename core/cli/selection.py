"""Selection of the energies that a command compares."""

from collections.abc import Sequence
from pathlib import Path

from core.cli.answer import key_values
from core.errors import LabError
from core.frames.provenance import CORRECTIONS, origin
from core.frames.registry import find_dataset
from core.frames.schema import Corrections
from core.reference.shifts.pairs import PairedEnergies, default_columns
from core.studies.selection import PairSelection

_TABLES = (".csv", ".csv.gz", ".parquet", ".xlsx")


def select_pairs(
    data: str,
    target_data: str | None,
    *,
    source: str | None,
    target: str | None,
    mapping: Sequence[str] | None,
    units: Sequence[str] | None = None,
) -> PairSelection:
    """Return the selection that the arguments of a command name.

    Args:
        data: a data set of frames or of pairs, or a table file.
        target_data: the same frames in the target functional.
        source: column of source energies.
        target: column of target energies.
        mapping: FIELD=COLUMN for a table file whose columns need naming.
        units: FIELD=UNIT for a table file whose columns do not say theirs.

    Raises:
        LabError: if they do not fit together, or there is no such data set.
    """
    if target_data is not None:
        if source or target or mapping or units:
            raise LabError(
                f"{data} and {target_data}: --source, --target, --map and --unit are for one "
                "table; leave them out for two data sets of frames."
            )
        return PairSelection(dataset=data, other=target_data)
    if is_table(data):
        fields = key_values(mapping or [], option="--map")
        return PairSelection(
            dataset=data_name(data),
            source=source,
            target=target,
            mapping=fields,
            units=key_values(units or [], option="--unit"),
        )
    card = find_dataset(data).card
    if card.kind == "pairs" and not (source and target):
        # Written out as on the page, so that both share one stored result.
        guessed = default_columns(card)
        source, target = source or guessed[0], target or guessed[1]
    return PairSelection(dataset=data, source=source, target=target)


def is_table(data: str) -> bool:
    """Return whether an argument names a table file rather than a data set."""
    return data.endswith(_TABLES) or Path(data).is_file()


def data_name(data: str) -> str:
    """Return a data set or table file as studies name it: a table file by its absolute path."""
    return str(Path(data).resolve()) if is_table(data) else data


def describe_origin(functional: str, labels: str, corrections: Corrections) -> str:
    """Describe energies by functional, origin of their labels, and corrections."""
    return f"{functional} by {origin(labels)}, {CORRECTIONS[corrections]}"


def describe_pairs(pairs: PairedEnergies) -> tuple[dict[str, str], dict[str, str]]:
    """Return where both energies come from: for `--json`, and as text by side."""
    report: dict[str, str] = {}
    text: dict[str, str] = {}
    for side in ("source", "target"):
        names = [f"{side}_{what}" for what in ("functional", "labels", "corrections")]
        values = [getattr(pairs, name) for name in names]
        report |= dict(zip(names, values, strict=True))
        text[side] = describe_origin(*values)
    return report, text
