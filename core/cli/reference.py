"""`shift` and `atomref`: energy scales."""

from pathlib import Path
from typing import Annotated

import numpy as np
import orjson
import typer

from core.cli.answer import Answer, JsonFlag, LabCommand, columns, count, facts, key_values
from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.registry import open_dataset
from core.frames.schema import DFT
from core.frames.sources.table import pairs_from_table
from core.frames.store import FrameSet
from core.reference.atomref import AtomRef, Method
from core.reference.pairs import PairedEnergies, default_columns
from core.reference.shift import summarize
from core.transfer.fits import fit_atomref

app = typer.Typer()

_TABLES = (".csv", ".csv.gz", ".parquet")


@app.command("shift", cls=LabCommand)
def shift(
    data: Annotated[
        str,
        typer.Argument(metavar="SOURCE", help="A data set of frames or of pairs, or a table."),
    ],
    target_data: Annotated[
        str | None,
        typer.Argument(metavar="[TARGET]", help="The same frames in the target functional."),
    ] = None,
    *,
    source: Annotated[str | None, typer.Option(help="Column of source energies.")] = None,
    target: Annotated[str | None, typer.Option(help="Column of target energies.")] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="FIELD=COLUMN for a table whose columns need naming."),
    ] = None,
    _json: JsonFlag = False,
) -> Answer:
    """Compare two functionals: of two data sets of frames, or two columns of one table of pairs."""
    if target_data is not None:
        if source or target or mapping:
            raise LabError(
                f"{data} and {target_data}: --source, --target and --map choose columns of one "
                "table; leave them out for two data sets of frames."
            )
        pairs = PairedEnergies.from_frame_sets(_frames(data), _frames(target_data))
    else:
        pairs = _columns_of(data, source, target, key_values(mapping or [], option="--map"))
    summary = summarize(pairs)
    result = {
        "n": summary.n,
        "pearson_raw": summary.pearson_raw,
        "pearson_scaled": summary.pearson_scaled,
        "mean_shift": summary.mean_shift,
        "mae": summary.mae,
    }
    origin = {
        "source_functional": pairs.source_functional,
        "target_functional": pairs.target_functional,
        "source_labels": pairs.source_labels,
        "target_labels": pairs.target_labels,
        "source_corrections": pairs.source_corrections,
        "target_corrections": pairs.target_corrections,
        "n_dropped": pairs.n_dropped,
    }
    told = {
        "pairs": summary.n,
        "left out": pairs.n_dropped,
        "source": _origin(pairs.source_functional, pairs.source_labels, pairs.source_corrections),
        "target": _origin(pairs.target_functional, pairs.target_labels, pairs.target_corrections),
        "Pearson r, total energies": summary.pearson_raw,
        "Pearson r, scaled energies": summary.pearson_scaled,
        "mean shift, eV/atom": summary.mean_shift,
        "mean |shift|, eV/atom": summary.mae,
    }
    return Answer(data=result | origin, text=facts(told))


@app.command("atomref", cls=LabCommand)
def atomref(
    dataset: Annotated[str, typer.Argument(help="A data set of frames or of pairs.")],
    *,
    method: Annotated[Method, typer.Option(help="How to fit.")] = "lstsq",
    column: Annotated[
        str | None, typer.Option(help="Pairs: the column of energies. Default: the target's.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="Pretrained model: its AtomRef is where the prior starts.")
    ] = "chgnet-0.3.0",
    start: Annotated[
        str,
        typer.Option(
            "--prior",
            help="For ridge and residual: shifted (the model's AtomRef moved by the shift of the "
            "pure elements), source (as it is), or a JSON file that --out wrote.",
        ),
    ] = "shifted",
    strength: Annotated[
        float, typer.Option(help="Pull toward the prior, for ridge and residual.")
    ] = 1e-2,
    out: Annotated[Path | None, typer.Option(help="File to write: .json or .csv.")] = None,
    _json: JsonFlag = False,
) -> Answer:
    """Fit the elemental reference energies of a functional to all energies of a data set."""
    if out is not None and out.suffix not in {".json", ".csv"}:
        raise LabError(f"{out}: is neither .json nor .csv; name the file with one of these.")
    data = open_dataset(dataset)
    if isinstance(data, PairSet):
        energy = data.card.energy_column(column or default_columns(data.card)[1])
        energies, functional = data.energy(energy.column), energy.functional
        labels, corrections = energy.labels, energy.corrections
    elif column is not None:
        raise LabError(f"{dataset}: holds frames, whose energies are known; leave out --column.")
    else:
        energies, functional = data.energies(), data.card.functional or "unknown"
        labels, corrections = data.card.labels, data.card.corrections
    rows = np.flatnonzero(np.isfinite(energies))
    fitted = fit_atomref(
        data,
        rows,
        energies[rows],
        method=method,
        functional=functional,
        source_model=model,
        strength=strength,
        labels=labels,
        corrections=corrections,
        start=start,
        progress=count("interaction energies"),
    )
    if out is not None:
        fitted.write(out)
    return Answer(data=orjson.loads(fitted.to_json()), text=_atomref_text(fitted))


def _columns_of(
    data: str, source: str | None, target: str | None, fields: dict[str, str]
) -> PairedEnergies:
    given = {"source": source, "target": target}
    fields |= {field: column for field, column in given.items() if column is not None}
    if data.endswith(_TABLES) or Path(data).is_file():
        pairs: FrameSet | PairSet = pairs_from_table(Path(data), mapping=fields)
    else:
        pairs = open_dataset(data)
    if not isinstance(pairs, PairSet):
        raise LabError(
            f"{data}: holds the energies of one functional; name a second data set with the same "
            "frames in the target functional."
        )
    guessed = default_columns(pairs.card)
    return PairedEnergies.from_pair_set(pairs, source or guessed[0], target or guessed[1])


def _frames(name: str) -> FrameSet:
    data = open_dataset(name)
    if not isinstance(data, FrameSet):
        raise LabError(
            f"{name}: holds pairs; name it alone, or give two data sets of frames instead."
        )
    return data


def _origin(functional: str, labels: str, corrections: str) -> str:
    made = "DFT" if labels == "dft" else f"model-labelled by {labels}, not DFT"
    return f"{functional} ({made}; MP2020 corrections: {corrections})"


def _atomref_text(fitted: AtomRef) -> str:
    table = fitted.table()
    seen = table[table["count"] > 0]
    head = facts(
        {
            "energies": _origin(fitted.functional, fitted.labels or DFT, fitted.corrections),
            "method": fitted.method,
            "frames": fitted.n,
            "rank": f"{fitted.rank} of {len(seen)} elements",
            "condition": fitted.condition,
            "prior": fitted.prior_used,
            "in few frames": ", ".join(fitted.rare()) or "none",
        }
    )
    rows = seen[["symbol", "energy", "count"]].itertuples(index=False)
    return (
        head + "\n\n" + columns(("element", "energy, eV/atom", "frames"), [tuple(r) for r in rows])
    )
