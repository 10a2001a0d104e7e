"""Which energies a command compares: two data sets of frames, or two columns of one table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.cli.answer import key_values
from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.registry import open_dataset
from core.frames.schema import DFT
from core.frames.sources.table import pairs_from_table
from core.frames.store import FrameSet
from core.reference.shifts.pairs import PairedEnergies, default_columns

_TABLES = (".csv", ".csv.gz", ".parquet")


@dataclass(kw_only=True, frozen=True)
class Choice:
    """Energies in two functionals and where they are from.

    Attributes:
        data: the data set, or the table, that holds the rows.
        pairs: its energies in the two functionals.
    """

    data: FrameSet | PairSet
    pairs: PairedEnergies


def chosen_pairs(
    data: str,
    target_data: str | None,
    *,
    source: str | None,
    target: str | None,
    mapping: Sequence[str] | None,
) -> Choice:
    """Open what the arguments of a command name.

    Args:
        data: a data set of frames or of pairs, or a table.
        target_data: the same frames in the target functional.
        source: column of source energies.
        target: column of target energies.
        mapping: FIELD=COLUMN for a table whose columns need naming.

    Raises:
        LabError: they do not fit together, or are not there.
    """
    if target_data is None:
        pair_set = opened_pairs(data, source=source, target=target, mapping=mapping)
        guessed = default_columns(pair_set.card)
        pairs = PairedEnergies.from_pair_set(pair_set, source or guessed[0], target or guessed[1])
        return Choice(data=pair_set, pairs=pairs)
    if source or target or mapping:
        raise LabError(
            f"{data} and {target_data}: --source, --target and --map choose columns of one "
            "table; leave them out for two data sets of frames."
        )
    frames, target_frames = frames_named(data), frames_named(target_data)
    return Choice(data=frames, pairs=PairedEnergies.from_frame_sets(frames, target_frames))


def opened_pairs(
    data: str,
    *,
    source: str | None = None,
    target: str | None = None,
    mapping: Sequence[str] | None = None,
) -> PairSet:
    """Open a data set of pairs, or a table as one.

    Raises:
        LabError: there is none, or it holds frames.
    """
    fields = key_values(mapping or [], option="--map")
    given = {"source": source, "target": target}
    fields |= {field: column for field, column in given.items() if column is not None}
    pairs = open_named(data, fields)
    if not isinstance(pairs, PairSet):
        raise LabError(
            f"{data}: holds the energies of one functional; name a second data set with the same "
            "frames in the target functional."
        )
    return pairs


def open_named(data: str, fields: dict[str, str]) -> FrameSet | PairSet:
    """Open a data set, or a table of pairs whose columns `fields` names.

    Raises:
        LabError: there is none.
    """
    if data.endswith(_TABLES) or Path(data).is_file():
        return pairs_from_table(Path(data), mapping=fields)
    return open_dataset(data)


def told_origin(functional: str, labels: str, corrections: str) -> str:
    """Say of some energies whose they are."""
    made = "DFT" if labels == DFT else f"model-labelled by {labels}, not DFT"
    return f"{functional} ({made}; MP2020 corrections: {corrections})"


def frames_named(name: str) -> FrameSet:
    """Open a data set of frames.

    Raises:
        LabError: there is none, or it holds pairs.
    """
    data = open_dataset(name)
    if not isinstance(data, FrameSet):
        raise LabError(
            f"{name}: holds pairs; name it alone, or give two data sets of frames instead."
        )
    return data
