"""`datasets list|resume|show|describe|verify|delete`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.answer import (
    Answer,
    LabCommand,
    columns,
    deletion,
    facts,
    progress_on_stderr,
    rounded,
)
from core.cli.data.derive import (
    COMMANDS,
    AllOf,
    AnyOf,
    LabelKinds,
    MaxAtoms,
    MinAtoms,
    NoneOf,
    Ranges,
    System,
    conditions,
)
from core.cli.options import DatasetName, JsonFlag, Yes
from core.errors import LabError
from core.frames.contents.browsing import listed, order_of, page_of
from core.frames.contents.distributions import SIZES, summary
from core.frames.contents.selected import Selected
from core.frames.registry import (
    DatasetInfo,
    delete_dataset,
    find_dataset,
    list_datasets,
    open_dataset,
)
from core.frames.resuming import discard, find_interrupted, interrupted
from core.frames.schema import Card
from core.frames.store import open_frames
from core.frames.verifying import verify
from core.studies.contents import ContentsStudy
from core.studies.job.directory import Job
from core.studies.job.local import compute_here

if TYPE_CHECKING:
    from core.report.document import Section

app = typer.Typer()
datasets = typer.Typer(help="The data sets of the lab.")
app.add_typer(datasets, name="datasets")
for _name, _function in COMMANDS.items():
    datasets.command(_name, cls=LabCommand)(_function)


_HEAD = ("name", "kind", "functional", "n", "embedded", "labels")


@datasets.command("list", cls=LabCommand)
def list_(*, _json: JsonFlag = False) -> Answer:
    """List the data sets."""
    rows = [dataset_row(info) for info in list_datasets()]
    text = columns(_HEAD, [[row[key] for key in _HEAD] for row in rows])
    ended = [{"name": one.name, "n": one.n} for one in interrupted()]
    told = "".join(
        f"\n\nThe import of {one['name']} was interrupted after {one['n']:,} frames; go on with "
        f"`atomref datasets resume {one['name']}`."
        for one in ended
    )
    return Answer(
        data={"datasets": rows, "interrupted": ended},
        text=(text if rows else "No data sets yet; import one with `atomref import`.") + told,
    )


@datasets.command("resume", cls=LabCommand)
def resume(name: DatasetName, *, _json: JsonFlag = False) -> Answer:
    """Go on with an interrupted import behind the last frames that it has written."""
    # Only imports wait for the libraries that read structures.
    from core.studies.imports import ImportStudy  # noqa: PLC0415

    study = ImportStudy.of_interrupted(find_interrupted(name))
    result = study.compute(progress_on_stderr())
    told = "".join(f"\n\n{text}" for text in result.findings)
    return Answer(
        data={
            **dataset_row(find_dataset(name)),
            "description": result.description,
            "findings": result.findings,
        },
        text=f"Imported {result.n:,} frames as {name}. {result.description}".rstrip() + told,
    )


@datasets.command("show", cls=LabCommand)
def show(name: DatasetName, *, _json: JsonFlag = False) -> Answer:
    """Show the contents and the source of a data set."""
    info = find_dataset(name)
    data = {**info.card.model_dump(mode="json"), "embedded": info.embedded}
    data["energies"] = [energy.model_dump() for energy in info.card.energies]
    if info.card.kind == "frames":
        split = open_frames(info.path).split()
        data["split"] = {
            part: len(getattr(split, part)) for part in ("train", "validation", "test")
        }
    lines = {key: _phrase(value) for key, value in data.items() if value not in ("", [], None)}
    return Answer(data=data, text=facts(lines))


@datasets.command("describe", cls=LabCommand)
def describe(
    name: DatasetName,
    *,
    all_of: AllOf = "",
    any_of: AnyOf = "",
    none_of: NoneOf = "",
    system: System = "",
    min_atoms: MinAtoms = None,
    max_atoms: MaxAtoms = None,
    labels: LabelKinds = "",
    ranges: Ranges = None,
    rows: Annotated[int, typer.Option(min=0, help="Number of frames to list.")] = 0,
    sort: Annotated[
        str,
        typer.Option(help="Quantity to sort them by, smallest first; -KEY: largest first."),
    ] = "",
    _json: JsonFlag = False,
) -> Answer:
    """Count elements, labels and sizes of all frames of a data set, or of some."""
    card = find_dataset(name).card
    contents = compute_here(Job.of(ContentsStudy(dataset=name)), progress_on_stderr())
    chosen = conditions(all_of, any_of, none_of, system, min_atoms, max_atoms, labels, ranges or [])
    selected = Selected.of(card, contents, chosen)
    mask, counted = selected.mask, selected.counted
    numbers = summary(contents, [*SIZES, *selected.quantities], mask)
    elements = counted.table().sort_values("frames", ascending=False)
    data: dict[str, Any] = {
        "name": name,
        "kind": card.kind,
        "filter": chosen.model_dump(exclude_defaults=True),
        "n": counted.n,
        "n_all": len(contents),
        "n_materials": counted.n_materials,
        "elements": elements.set_index("symbol").to_dict("index"),
        "quantities": numbers.set_index("key").to_dict("index"),
    }
    texts = [
        facts(
            {
                card.kind: f"{counted.n:,} of {len(contents):,} {chosen.text}".strip(),
                "materials": f"{counted.n_materials:,}",
                "elements": ", ".join(
                    f"{row.symbol} {row.frames:,}" for row in elements.itertuples()
                ),
            }
        ),
        columns(
            list(numbers.columns),
            [[rounded(value) for value in row] for row in numbers.to_numpy(object).tolist()],
        ),
    ]
    table = None
    if rows:
        order = order_of(contents, sort.removeprefix("-"), descending=sort.startswith("-"))
        table = listed(open_dataset(name), contents, page_of(order, mask, 0, rows).tolist())
        data["rows"] = table.to_dict("records")
        texts.append(columns(list(table.columns), table.to_numpy(object).tolist()))

    def section() -> "Section":
        # Figures take a library that the numbers need not wait for.
        from core.report.contents import contents_section  # noqa: PLC0415

        return contents_section(selected, table)

    return Answer(data=data, text="\n\n".join(texts), section=section)


@datasets.command("verify", cls=LabCommand)
def verify_(name: DatasetName, *, _json: JsonFlag = False) -> Answer:
    """Read every byte of a data set, and compare it with its checksums and its card."""
    found = verify(find_dataset(name).path)
    if found.damaged:
        raise LabError(" ".join(found.damaged))
    return Answer(
        data={
            "name": name,
            "files": found.files,
            "n_bytes": found.n_bytes,
            "damaged": [],
            "remark": found.remark,
        },
        text=(
            f"{name} is sound: {len(found.files):,} files, {found.n_bytes / 1e6:,.1f} MB. "
            f"{found.remark}".rstrip()
        ),
    )


@datasets.command("delete", cls=LabCommand)
def delete(name: DatasetName, *, yes: Yes = False, _json: JsonFlag = False) -> Answer:
    """Delete an imported data set, or an interrupted import, after asking."""
    ended = [one for one in interrupted() if one.name == name]
    if ended and name not in {info.card.name for info in list_datasets()}:
        what = f"the interrupted import of {name}, {max(one.n for one in ended):,} frames"
        return deletion(name, what, lambda: discard(name), yes=yes)
    card = find_dataset(name).card
    what = f"data set {name} with {card.n:,} {card.kind}"
    return deletion(name, what, lambda: delete_dataset(name), yes=yes)


def dataset_row(info: DatasetInfo) -> dict[str, Any]:
    """Return what lists say of a data set."""
    card: Card = info.card
    return {
        "name": card.name,
        "kind": card.kind,
        "functional": card.functional,
        "n": card.n,
        "embedded": info.embedded,
        "labels": "model" if card.is_model_labelled else "dft",
    }


def _phrase(value: Any) -> Any:
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    if isinstance(value, list):
        return "; ".join(
            f"{energy['column']} ({energy['functional']}, corrections: {energy['corrections']})"
            for energy in value
        )
    return value
