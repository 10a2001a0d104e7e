"""Reading every byte of a data set, to see whether it is as it was written."""

from dataclasses import dataclass
from pathlib import Path

from core.errors import LabError
from core.frames.cards import is_reworded, read_card
from core.frames.checksums import fingerprint_of, open_checked, read_checksums
from core.frames.schema import CARD

_REWORDED = (
    "The title, description or licence on its card were edited, or damaged, after they were "
    "written; read them."
)


@dataclass(kw_only=True, frozen=True)
class Verified:
    """What was read.

    Attributes:
        files: names of the files that hold the data.
        n_bytes: their size.
        damaged: what is damaged, as sentences; empty if all is sound.
        remark: that the words of the card are others than when it was written, else empty.
    """

    files: list[str]
    n_bytes: int
    damaged: list[str]
    remark: str = ""


def verify(directory: Path) -> Verified:
    """Compare all data of a data set with its checksums and with the fingerprint of its card.

    Raises:
        LabError: if the card or the checksums cannot be read.
    """
    card = read_card(directory / CARD)
    sums = read_checksums(directory) or {}
    shards = sorted(directory.glob("*-*.arrow"))
    paths = [*shards, *sorted({*directory.glob("*.arrow")} - {*shards})]
    damaged = [
        f"{directory / name} is missing; import the data set again."
        for name in sorted({*sums} - {path.name for path in paths})
    ]
    for path in paths:
        try:
            if sums:
                for batch in open_checked(path, sums=sums.get(path.name, {})):
                    batch.whole()
        except LabError as error:
            damaged.append(str(error))
    start = card.parent.fingerprint.encode() if card.parent else b""
    if not damaged and fingerprint_of(paths, start) != card.fingerprint:
        damaged.append(
            f"{directory}: its files together are not what its card names; import the data set "
            "again."
        )
    return Verified(
        files=[path.name for path in paths],
        n_bytes=sum(path.stat().st_size for path in paths),
        damaged=damaged,
        remark=_REWORDED if is_reworded(card) else "",
    )
