"""`datasets export|subset|join|correct`: what is made of a data set."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from core.acquisition.subsets import SubsetRule, make_subset
from core.cli.answer import Answer, progress_on_stderr
from core.cli.options import DatasetName, JsonFlag, Seed
from core.errors import LabError
from core.frames.contents.filters import (
    LABEL_KINDS,
    FrameFilter,
    Part,
    chosen_rows,
    elements_in,
    range_in,
)
from core.frames.export.forms import export_dataset, form_of
from core.frames.registry import open_dataset, open_frame_set
from core.frames.schema import Card
from core.reference.formation.corrected_frames import correct_frames
from core.reference.shifts.joining import JoinRule, Kept, join_frames

AllOf = Annotated[str, typer.Option(metavar="SYMBOLS", help="Frames with all of these: Li,Co,O.")]
AnyOf = Annotated[
    str,
    typer.Option(
        "--any-of", "--elements", metavar="SYMBOLS", help="Frames with at least one of these."
    ),
]
NoneOf = Annotated[str, typer.Option(metavar="SYMBOLS", help="Frames without these.")]
System = Annotated[
    str, typer.Option(metavar="SYMBOLS", help="Frames of this chemical system: Li-Co-O.")
]
MinAtoms = Annotated[int | None, typer.Option(min=1, help="Smallest number of atoms.")]
MaxAtoms = Annotated[int | None, typer.Option(min=1, help="Largest number of atoms.")]
LabelKinds = Annotated[
    str,
    typer.Option(help=f"Frames with these labels, of {', '.join(LABEL_KINDS)}.", metavar="LABELS"),
]
Ranges = Annotated[
    list[str] | None,
    typer.Option(
        "--range",
        metavar="QUANTITY=LOW:HIGH",
        help="Limits, such as force=:5; may be repeated.",
    ),
]
Title = Annotated[str, typer.Option(help="Title in lists of data sets.")]
SplitPart = Annotated[Part | None, typer.Option(help="Frames of this part of the split.")]


def export(
    name: DatasetName,
    *,
    out: Annotated[
        Path,
        typer.Option(
            help="New file: .extxyz, .parquet, .json (the form of MPtrj and CHGNet) or .db (ASE); "
            "pairs: .csv or .parquet."
        ),
    ],
    all_of: AllOf = "",
    any_of: AnyOf = "",
    none_of: NoneOf = "",
    system: System = "",
    min_atoms: MinAtoms = None,
    max_atoms: MaxAtoms = None,
    labels: LabelKinds = "",
    ranges: Ranges = None,
    split: SplitPart = None,
    rows: Annotated[
        str, typer.Option(metavar="FIRST:LAST", help="Only rows FIRST to LAST of these, from 1.")
    ] = "",
    _json: JsonFlag = False,
) -> Answer:
    """Write a data set, or some of its frames, to a file that other programs read."""
    meant = conditions(all_of, any_of, none_of, system, min_atoms, max_atoms, labels, ranges or [])
    data = open_dataset(name)
    form = form_of(data.card, out)
    chosen = _cut(chosen_rows(data, meant, split, progress=progress_on_stderr()), rows)
    n = export_dataset(data, out, chosen, progress=progress_on_stderr())
    return Answer(
        data={"name": name, "file": str(out), "form": form.title, "n": n},
        text=f"Wrote {n:,} {data.card.kind} of {name} to {out} ({form.title}).",
    )


def subset(
    name: DatasetName,
    *,
    new_name: Annotated[str, typer.Option("--name", help="Name of the new data set.")],
    n: Annotated[
        int | None,
        typer.Option(
            min=1, help="Number of frames, of materials by the rule material. Default: all."
        ),
    ] = None,
    by: Annotated[
        SubsetRule,
        typer.Option(
            help="random: frames; material: materials with all of their frames; coverage: the "
            "materials that add most to the coverage of elements and pairs of elements."
        ),
    ] = "random",
    all_of: AllOf = "",
    any_of: AnyOf = "",
    none_of: NoneOf = "",
    system: System = "",
    min_atoms: MinAtoms = None,
    max_atoms: MaxAtoms = None,
    labels: LabelKinds = "",
    ranges: Ranges = None,
    split: SplitPart = None,
    seed: Seed = 0,
    title: Title = "",
    _json: JsonFlag = False,
) -> Answer:
    """Make a data set of some frames of another one, without copying them."""
    card = make_subset(
        open_frame_set(name),
        new_name,
        conditions=conditions(
            all_of, any_of, none_of, system, min_atoms, max_atoms, labels, ranges or []
        ),
        part=split,
        rule=by,
        n=n,
        seed=seed,
        title=title,
        progress=progress_on_stderr(),
    )
    return _made(card)


def join(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Frames in one functional.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Frames in another one.")],
    *,
    name: Annotated[str, typer.Option(help="Name of the new data set.")],
    by: Annotated[
        JoinRule,
        typer.Option(
            help="id: material ids; formula: the lowest energy per atom of each reduced formula; "
            "structure: pymatgen's StructureMatcher within each formula."
        ),
    ] = "id",
    keep: Annotated[
        Kept, typer.Option(help="Which frame of a material counts: the lowest in energy, the last.")
    ] = "lowest",
    title: Title = "",
    _json: JsonFlag = False,
) -> Answer:
    """Join frames in two functionals into a data set of pairs."""
    made = join_frames(
        open_frame_set(source),
        open_frame_set(target),
        name,
        rule=by,
        kept=keep,
        title=title,
        progress=progress_on_stderr(),
    )
    energies = [energy.column for energy in made.card.energies]
    return _made(made.card, energies=energies, left_out=made.left_out)


def correct(
    dataset: DatasetName,
    *,
    name: Annotated[str, typer.Option(help="Name of the new data set.")],
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove the corrections instead of adding them.")
    ] = False,
    title: Title = "",
    _json: JsonFlag = False,
) -> Answer:
    """Add MP2020 corrections to the energies of GGA and GGA+U frames, or remove them."""
    made = correct_frames(
        open_frame_set(dataset), name, remove=remove, title=title, progress=progress_on_stderr()
    )
    outcome = made.card.report
    return _made(
        made.card,
        corrections=made.card.corrections,
        stored=made.stored,
        inferred=made.inferred.to_dict("records"),
        n_left_out=outcome.n_refused if outcome else 0,
        reasons=outcome.reasons if outcome else {},
    )


COMMANDS: dict[str, Callable[..., Answer]] = {
    "export": export,
    "subset": subset,
    "join": join,
    "correct": correct,
}
"""Commands of the group `datasets`, by name."""


def _made(card: Card, **more: Any) -> Answer:
    """Return the answer on a new data set."""
    data = {
        "name": card.name,
        "kind": card.kind,
        "n": card.n,
        "n_materials": card.n_materials,
        "description": card.description,
        **more,
    }
    return Answer(
        data=data,
        text=f"Made {card.name} with {card.n:,} {card.kind} of {card.n_materials:,} materials. "
        f"{card.description}",
    )


def conditions(
    all_of: str,
    any_of: str,
    none_of: str,
    system: str,
    min_atoms: int | None,
    max_atoms: int | None,
    labels: str,
    ranges: list[str],
) -> FrameFilter:
    """Return the conditions that the options of a command state."""
    return FrameFilter(
        all_of=elements_in(all_of),
        any_of=elements_in(any_of),
        none_of=elements_in(none_of),
        system=elements_in(system),
        min_atoms=min_atoms,
        max_atoms=max_atoms,
        labels=tuple(filter(None, labels.replace(",", " ").split())),
        ranges=dict(map(range_in, ranges)),
    )


def _cut(rows: np.ndarray, text: str) -> np.ndarray:
    """Return the part of some rows that a text names, such as 1:100."""
    if not text:
        return rows
    first, colon, last = text.partition(":")
    try:
        begin, end = int(first or 1), int(last or len(rows)) if colon else int(first)
    except ValueError:
        begin = end = 0
    if not 1 <= begin <= end:
        raise LabError(f"--rows {text}: write FIRST:LAST, counted from 1, as in 1:100.")
    if begin > len(rows):
        raise LabError(f"--rows {text}: there are only {len(rows):,} rows; choose among them.")
    return rows[begin - 1 : end]
