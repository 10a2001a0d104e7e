"""`atomrefs list|show|save|delete|compare|export`: AtomRef with names."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import orjson
import typer

from core.cli.answer import Answer, LabCommand, columns, facts
from core.cli.options import AtomRefName, EnergyColumn, JsonFlag
from core.errors import LabError
from core.reference.fits.atomref import AtomRef
from core.reference.fits.compare import explained, side_by_side
from core.reference.fits.library import delete_atomref, read_atomref, save_atomref
from core.reference.shifts.labelled import labelled_energies
from core.runs.record.named_models import checkpoint_of

app = typer.Typer()
atomrefs = typer.Typer(help="AtomRef with names: chgnet's own and those you keep.")
app.add_typer(atomrefs, name="atomrefs")


@atomrefs.command("list", cls=LabCommand)
def list_(*, _json: JsonFlag = False) -> Answer:
    """List the AtomRef that have a name."""
    from core.transfer.named_atomrefs import named_atomrefs  # noqa: PLC0415  it waits for torch

    rows = [
        {
            "name": name,
            "functional": one.functional,
            "method": one.method,
            "n": one.n,
            "elements": int(one.has_energy.sum()),
            "labels": one.labels,
        }
        for name, one in named_atomrefs().items()
    ]
    head = ("name", "functional", "method", "n", "elements", "labels")
    text = columns(head, [[row[key] for key in head] for row in rows])
    return Answer(data={"atomrefs": rows}, text=text)


@atomrefs.command("show", cls=LabCommand)
def show(name: AtomRefName, *, _json: JsonFlag = False) -> Answer:
    """Show an AtomRef's energies."""
    one = _found(name)
    table = one.table()[one.has_energy]
    rows = [list(row) for row in table.itertuples(index=False)]
    return Answer(
        data=orjson.loads(one.to_json()),
        text=columns(("element", "energy, eV/atom", "frames"), rows),
    )


@atomrefs.command("save", cls=LabCommand)
def save(
    name: Annotated[str, typer.Argument(help="The name to keep it by.")],
    file: Annotated[
        Path, typer.Argument(help="A JSON file that atomref --out wrote, or CSV: symbol, energy.")
    ],
    *,
    functional: Annotated[str, typer.Option(help="Level of theory of a CSV table.")] = "",
    _json: JsonFlag = False,
) -> Answer:
    """Keep an AtomRef from a file under a name."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise LabError(f"{file} cannot be read ({error.strerror}); name a file.") from None
    save_atomref(name, read_atomref(content, name=str(file), functional=functional))
    return Answer(data={"saved": name}, text=f"Kept {file} as {name}.")


@atomrefs.command("delete", cls=LabCommand)
def delete(
    name: Annotated[str, typer.Argument(help="A kept AtomRef.")], *, _json: JsonFlag = False
) -> Answer:
    """Delete a kept AtomRef."""
    delete_atomref(name)
    return Answer(data={"deleted": name}, text=f"Deleted {name}.")


@atomrefs.command("compare", cls=LabCommand)
def compare(
    names: Annotated[list[str], typer.Argument(help="Named AtomRef, or JSON files.")],
    *,
    dataset: Annotated[
        str | None, typer.Option(help="Tell also how well each explains its energies.")
    ] = None,
    column: EnergyColumn = None,
    _json: JsonFlag = False,
) -> Answer:
    """Lay AtomRef side by side."""
    chosen = {name: _found(name) for name in names}
    table = side_by_side(chosen)
    rows = [list(row) for row in table.itertuples(index=False)]
    data: dict[str, object] = {"elements": table.to_dict("records")}
    text = columns(("element", *chosen, "spread"), rows)
    if dataset is not None:
        target = labelled_energies(dataset, column)
        told = {
            name: asdict(explained(one, target.fractions, target.energies))
            for name, one in chosen.items()
        }
        data |= {"dataset": dataset, "functional": target.functional, "explained": told}
        head = ("AtomRef", "materials", "unknown", "MAE", "spread", "mean, eV/atom")
        keys = ("n", "n_unknown", "mae", "spread", "mean")
        lines = [[name, *(one[key] for key in keys)] for name, one in told.items()]
        text += f"\n\nScaled energies of {dataset} ({target.functional}):\n{columns(head, lines)}"
    return Answer(data=data, text=text)


@atomrefs.command("export", cls=LabCommand)
def export(
    name: AtomRefName,
    *,
    model: Annotated[
        str, typer.Option(metavar="RUN|MODEL", help="Whose composition_model it becomes.")
    ] = "chgnet-0.3.0",
    out: Annotated[
        Path,
        typer.Option(help="The file to write: .json, .csv, or .pth.tar for a CHGNet checkpoint."),
    ],
    _json: JsonFlag = False,
) -> Answer:
    """Write an AtomRef as JSON, as CSV, or as the composition_model of a CHGNet checkpoint."""
    from core.transfer.named_atomrefs import write_into_model  # noqa: PLC0415  it waits for torch

    one = _found(name)
    if out.suffix in {".json", ".csv"}:
        one.write(out)
    elif out.name.endswith((".pth.tar", ".pth", ".pt")):
        write_into_model(one, checkpoint_of(model), out)
    else:
        raise LabError(f"{out}: is neither .json, .csv nor .pth.tar; name the file with one.")
    return Answer(
        data={"atomref": name, "file": str(out)},
        text=facts({"AtomRef": name, "written to": out}),
    )


def _found(name: str) -> AtomRef:
    from core.transfer.named_atomrefs import find_atomref  # noqa: PLC0415  it waits for torch

    return find_atomref(name)
