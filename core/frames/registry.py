"""Data sets: the embedded ones in the checkout's data/, the user's own in the lab's home."""

import logging
import re
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from core import access
from core.errors import LabError
from core.files import new_directory
from core.frames.cards import read_card, write_card
from core.frames.compositions import forget_fractions
from core.frames.pairs import PairSet, open_pairs
from core.frames.schema import CARD, Card, Parent
from core.frames.shards import write_rows
from core.frames.store import FrameSet, open_frames, parent_path
from core.home import EMBEDDED_DIR, datasets_dir

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_LOG = logging.getLogger(__name__)


@dataclass(kw_only=True, frozen=True, slots=True)
class DatasetInfo:
    """An entry of the list of data sets.

    Attributes:
        card: the data set's card.
        path: its directory.
        embedded: whether it is included in AtomRef Lab.
    """

    card: Card
    path: Path
    embedded: bool


def list_datasets() -> list[DatasetInfo]:
    """Return the embedded data sets, then the user's, each sorted by name.

    A directory whose card cannot be read is left out with a warning in the log.
    """
    return [
        *_scan(EMBEDDED_DIR, embedded=True),
        *_scan(datasets_dir(), embedded=False),
    ]


def catalog(infos: Sequence[DatasetInfo]) -> pd.DataFrame:
    """Return one row per data set with its name, title, kind, functionals, counts and labels.

    Pairs with the energies of one functional only are listed as "energies".
    """
    return pd.DataFrame(
        [
            {
                "name": info.card.name,
                "title": info.card.title,
                "kind": "energies" if _is_of_one_functional(info.card) else info.card.kind,
                "functional": info.card.functional
                or ", ".join(dict.fromkeys(energy.functional for energy in info.card.energies)),
                "n": info.card.n,
                "n_materials": info.card.n_materials,
                "labels": "model" if info.card.is_model_labelled else "DFT",
                "embedded": info.embedded,
            }
            for info in infos
        ]
    )


def _is_of_one_functional(card: Card) -> bool:
    known = {energy.functional for energy in card.energies}
    return len(card.energies) == 1 or (len(known) == 1 and known != {"unknown"})


def find_dataset(name: str) -> DatasetInfo:
    """Return the directory and card of a data set.

    Raises:
        LabError: if there is no data set of that name, or its card cannot be read.
    """
    check_name(name)
    for parent, embedded in ((EMBEDDED_DIR, True), (datasets_dir(), False)):
        path = parent / name
        if (path / CARD).is_file():
            return DatasetInfo(card=read_card(path / CARD), path=path, embedded=embedded)
    names = ", ".join(info.card.name for info in list_datasets()) or "none yet"
    raise LabError(f"There is no data set {name!r}; choose one of: {names}.")


def open_dataset(name: str) -> FrameSet | PairSet:
    """Open a data set by name; one that has not changed since is opened only once.

    Raises:
        LabError: if there is no such data set, one of its files is damaged, or it is a subset of
            a data set that is missing or has changed.
    """
    info = find_dataset(name)
    parent_path(info.path, info.card)
    return _open(info.path, info.card.kind, info.card.model_dump_json())


@lru_cache(maxsize=16)
def _open(path: Path, kind: str, card: str) -> FrameSet | PairSet:  # noqa: ARG001  cache key
    return open_frames(path) if kind == "frames" else open_pairs(path)


def open_frame_set(name: str) -> FrameSet:
    """Open a data set of frames by name.

    Raises:
        LabError: if there is no such data set, it contains pairs, or a file is damaged.
    """
    data = open_dataset(name)
    if not isinstance(data, FrameSet):
        raise LabError(
            f"{name}: holds pairs of energies; import the file again as frames (--format frames), "
            "with its column of structures."
        )
    return data


def write_subset(
    data: FrameSet, rows: np.ndarray, *, name: str, description: str, title: str = ""
) -> Card:
    """Write a data set that consists of rows of another one.

    A subset of a subset names rows of the data set that holds the frames. Its split is that of
    this data set, so that no test material becomes a training material; where one of the three
    parts would be empty, it is split by material anew.

    Args:
        data: data set of frames.
        rows: its rows, (m,) integers; each counts once.
        name: name of the new data set.
        description: how the rows were chosen.
        title: one line for people; by default the name.

    Returns:
        The card as stored.

    Raises:
        LabError: if the name is taken or not valid, or there are no rows.
    """
    directory = new_dataset_path(name)
    chosen = np.unique(rows)
    if not len(chosen):
        raise LabError(f"{name} would have no frames; choose at least one.")
    parent = data if data.parent is None else data.parent
    rows = data.rows_in_parent(chosen)
    is_inherited = parent.split().within(rows) is not None
    split = f"Its split is that of {parent.card.name}." if is_inherited else "It is split anew."
    card = data.card.model_copy(
        update={
            "name": name,
            "title": title or name,
            "description": f"{description} {split}".strip(),
            "n": len(chosen),
            "n_materials": len(np.unique(data.material_codes()[chosen])),
            "parent": Parent(name=parent.card.name, fingerprint=parent.fingerprint),
            "report": None,
        }
    )
    card = card.model_copy(update={"created": Card(name=name, kind="frames").created})
    with new_directory(directory) as partial:
        fingerprint = write_rows(partial, rows, parent.fingerprint)
        card = card.model_copy(update={"fingerprint": fingerprint})
        return write_card(partial / CARD, card)


def delete_dataset(name: str) -> None:
    """Delete one of the user's data sets.

    Raises:
        LabError: if there is no such data set, it is embedded, or it has subsets.
    """
    info = find_dataset(name)
    access.require("delete", f"delete data set {name}")
    if info.embedded:
        raise LabError(f"{name} is embedded; only imported data sets can be deleted.")
    parents = {one.card.name: one.card.parent for one in list_datasets()}
    subsets = [subset for subset, parent in parents.items() if parent and parent.name == name]
    if subsets:
        raise LabError(
            f"{name} contains the frames of its subsets {', '.join(subsets)}; delete these first."
        )
    # Renamed first, so that a reader never opens half of it.
    deleted = info.path.with_name(f".{name}.{secrets.token_hex(4)}.deleted")
    info.path.rename(deleted)
    shutil.rmtree(deleted)
    forget_fractions(info.card.fingerprint)


def new_dataset_path(name: str) -> Path:
    """Return the directory for a new data set.

    Raises:
        LabError: if the name is invalid or exists already.
    """
    check_name(name)
    path = datasets_dir() / name
    if path.exists() or (EMBEDDED_DIR / name).exists():
        raise LabError(
            f"A data set {name!r} exists already; choose another name or delete it first."
        )
    return path


def check_name(name: str) -> None:
    """Raise LabError if a name is not valid for a data set."""
    if not _NAME.fullmatch(name):
        raise LabError(
            f"{name!r} is not a valid name of a data set; use lower-case letters, digits, '.', '_' "
            "and '-', with a letter or digit first."
        )


def _scan(parent: Path, *, embedded: bool) -> list[DatasetInfo]:
    infos = []
    for path in sorted(parent.glob(f"[!.]*/{CARD}")):
        if not any(path.parent.glob("*.arrow")):
            continue  # facts beside the embedded data sets
        try:
            card = read_card(path)
        except LabError as error:
            _LOG.warning("%s", error)
            continue
        infos.append(DatasetInfo(card=card, path=path.parent, embedded=embedded))
    return infos
