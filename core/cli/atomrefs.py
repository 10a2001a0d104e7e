"""`atomrefs list|show|save|delete|compare|export`: AtomRef with names."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import orjson
import typer

from core.cli.answer import Answer, LabCommand, columns, deletion, facts
from core.cli.options import AtomRefName, EnergyColumn, JsonFlag, Yes
from core.errors import LabError
from core.files import small_content
from core.reference.fits.atomref import AtomRef
from core.reference.fits.compare import explained, side_by_side
from core.reference.fits.isolated import ISOLATED
from core.reference.fits.library import delete_atomref, read_atomref, save_atomref
from core.reference.shifts.labelled import labelled_energies
from core.runs.record.named_models import checkpoint_of

app = typer.Typer()
atomrefs = typer.Typer(help="AtomRef with names: chgnet's own and the saved ones.")
app.add_typer(atomrefs, name="atomrefs")


@atomrefs.command("list", cls=LabCommand)
def list_(*, _json: JsonFlag = False) -> Answer:
    """List all named AtomRef."""
    from core.transfer.named_atomrefs import named_atomrefs  # noqa: PLC0415  it waits for torch

    rows = [
        {
            "name": name,
            "functional": atomref.functional,
            "method": atomref.method,
            "n": atomref.n,
            "elements": int(atomref.has_energy.sum()),
            "labels": atomref.labels,
        }
        for name, atomref in named_atomrefs().items()
    ]
    head = ("name", "functional", "method", "n", "elements", "labels")
    text = columns(head, [[row[key] for key in head] for row in rows])
    return Answer(data={"atomrefs": rows}, text=text)


@atomrefs.command("show", cls=LabCommand)
def show(name: AtomRefName, *, _json: JsonFlag = False) -> Answer:
    """Show an AtomRef's energies."""
    atomref = _find(name)
    table = atomref.table()[atomref.has_energy]
    rows = [list(row) for row in table.itertuples(index=False)]
    return Answer(
        data=orjson.loads(atomref.to_json()),
        text=columns(("element", "energy, eV/atom", "frames"), rows),
    )


@atomrefs.command("save", cls=LabCommand)
def save(
    name: Annotated[str, typer.Argument(help="Name to save it under.")],
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE|isolated:DATASET",
            help='A dictionary in JSON ({"H": -1.2} or {"1": -1.2}), CSV (symbol, energy), what '
            "atomref --out wrote, or the isolated atoms of a data set.",
        ),
    ],
    *,
    functional: Annotated[
        str, typer.Option(help="Level of theory of a dictionary or a CSV table.")
    ] = "",
    _json: JsonFlag = False,
) -> Answer:
    """Save an AtomRef from a file, or of isolated atoms, under a name."""
    if file.startswith(f"{ISOLATED}:"):
        from core.transfer.named_atomrefs import find_atomref  # noqa: PLC0415  it waits for torch

        atomref = find_atomref(file, functional=functional)
    else:
        try:
            content = small_content(Path(file))
        except OSError as error:
            raise LabError(f"{file} cannot be read ({error.strerror}); name a file.") from None
        atomref = read_atomref(content, name=file, functional=functional)
    save_atomref(name, atomref)
    return Answer(data={"saved": name}, text=f"Saved {file} as {name}.")


@atomrefs.command("delete", cls=LabCommand)
def delete(
    name: Annotated[str, typer.Argument(help="A saved AtomRef.")],
    *,
    yes: Yes = False,
    _json: JsonFlag = False,
) -> Answer:
    """Delete a saved AtomRef, after asking."""
    return deletion(name, f"AtomRef {name}", lambda: delete_atomref(name), yes=yes)


@atomrefs.command("compare", cls=LabCommand)
def compare(
    names: Annotated[list[str], typer.Argument(help="Named AtomRef, or JSON files.")],
    *,
    dataset: Annotated[
        str | None, typer.Option(help="Also report how well each explains its energies.")
    ] = None,
    column: EnergyColumn = None,
    _json: JsonFlag = False,
) -> Answer:
    """Show AtomRef side by side."""
    chosen = {name: _find(name) for name in names}
    table = side_by_side(chosen)
    rows = [list(row) for row in table.itertuples(index=False)]
    data: dict[str, object] = {"elements": table.to_dict("records")}
    text = columns(("element", *chosen, "spread"), rows)
    if dataset is not None:
        target = labelled_energies(dataset, column)
        results = {
            name: asdict(explained(atomref, target.fractions, target.energies))
            for name, atomref in chosen.items()
        }
        data |= {"dataset": dataset, "functional": target.functional, "explained": results}
        head = ("AtomRef", "materials", "unknown", "MAE", "spread", "mean, eV/atom")
        keys = ("n", "n_unknown", "mae", "spread", "mean")
        lines = [[name, *(row[key] for key in keys)] for name, row in results.items()]
        text += f"\n\nScaled energies of {dataset} ({target.functional}):\n{columns(head, lines)}"
    return Answer(data=data, text=text)


@atomrefs.command("export", cls=LabCommand)
def export(
    name: AtomRefName,
    *,
    model: Annotated[
        str, typer.Option(metavar="RUN|MODEL", help="Model whose AtomRef it replaces.")
    ] = "chgnet-0.3.0",
    out: Annotated[
        Path,
        typer.Option(help="The file to write: .json, .csv, or .pth.tar for a CHGNet checkpoint."),
    ],
    _json: JsonFlag = False,
) -> Answer:
    """Write an AtomRef as JSON, as CSV, or as the composition_model of a CHGNet checkpoint."""
    from core.transfer.named_atomrefs import write_into_model  # noqa: PLC0415  it waits for torch

    atomref = _find(name)
    if out.suffix in {".json", ".csv"}:
        atomref.write(out)
    elif out.name.endswith((".pth.tar", ".pth", ".pt")):
        write_into_model(atomref, checkpoint_of(model), out)
    else:
        raise LabError(f"{out}: is neither .json, .csv nor .pth.tar; choose one of these suffixes.")
    return Answer(
        data={"atomref": name, "file": str(out)},
        text=facts({"AtomRef": name, "written to": out}),
    )


def _find(name: str) -> AtomRef:
    from core.transfer.named_atomrefs import find_atomref  # noqa: PLC0415  it waits for torch

    return find_atomref(name)
