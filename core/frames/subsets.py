"""Subsets: data sets of frames that name rows of another one, without copying its labels."""

import numpy as np

from core.errors import LabError
from core.files import new_directory, write_whole
from core.frames.registry import new_dataset_path
from core.frames.schema import CARD, Card, Parent
from core.frames.store import FrameSet
from core.frames.subset_rows import write_rows


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
    card = data.card.model_copy(
        update={
            "name": name,
            "title": title or name,
            "description": description,
            "n": len(chosen),
            "n_materials": len(np.unique(data.material_codes()[chosen])),
            "parent": Parent(name=parent.card.name, fingerprint=parent.fingerprint),
            "report": None,
        }
    )
    card = card.model_copy(update={"created": Card(name=name, kind="frames").created})
    with new_directory(directory) as partial:
        fingerprint = write_rows(partial, data.rows_in_parent(chosen), parent.fingerprint)
        card = card.model_copy(update={"fingerprint": fingerprint})
        write_whole(partial / CARD, card.model_dump_json(indent=2).encode())
    return card
