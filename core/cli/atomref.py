"""`atomref`: fit the elemental references of a functional, and tell how well they are known."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import orjson
import typer

from core.cli.answer import Answer, LabCommand, columns, facts, progress_on_stderr
from core.cli.options import DatasetArgument, EnergyColumn, JsonFlag, PriorModel
from core.cli.selection import told_origin
from core.elements import SYMBOLS
from core.errors import LabError
from core.frames.registry import find_dataset
from core.frames.schema import DFT
from core.reference.fits.atomref import AtomRef, Method
from core.reference.fits.leave_one_out import leave_one_out
from core.reference.fits.prior_comparison import compare_priors
from core.reference.fits.strength import StrengthCurve, strength_curve
from core.reference.fits.uncertainty import RESAMPLINGS, bootstrap, material_counts, standard_errors
from core.reference.shifts.labelled import LabelledEnergies, labelled_energies
from core.reference.shifts.pairs import default_columns
from core.runs.record.named_models import checkpoint_of
from core.studies.selection import PairSelection
from core.transfer.atomref_fits import AUTO, PULLED, FitData, fit, fit_data, known_priors
from core.transfer.pair_fits import side_fit

app = typer.Typer()


@app.command("atomref", cls=LabCommand)
def atomref(
    dataset: DatasetArgument,
    *,
    method: Annotated[Method, typer.Option(help="How to fit.")] = "lstsq",
    column: EnergyColumn = None,
    minus: Annotated[
        str | None,
        typer.Option(
            help="Fit the difference to other energies of the same rows: of pairs another column, "
            "of frames another data set."
        ),
    ] = None,
    model: PriorModel = "chgnet-0.3.0",
    start: Annotated[
        str,
        typer.Option(
            "--prior",
            metavar="shifted|source|crystal|atom|FILE",
            help="For ridge and residual: the model's AtomRef as it is (source), moved by the "
            "shift of the elemental crystals (crystal), of the isolated atoms (atom), by the best "
            "known shift of each element (shifted), or a JSON file that --out wrote.",
        ),
    ] = "shifted",
    strength: Annotated[
        str,
        typer.Option(
            metavar="NUMBER|auto",
            help="Pull toward the prior, for ridge and residual; auto: the best by "
            "cross-validation over materials.",
        ),
    ] = "0.01",
    intervals: Annotated[
        bool,
        typer.Option(
            "--intervals", help="Tell standard errors and 95 % bootstrap intervals by material."
        ),
    ] = False,
    resamplings: Annotated[
        int, typer.Option(min=100, max=100_000, help="Of the bootstrap of --intervals.")
    ] = RESAMPLINGS,
    influence: Annotated[
        int, typer.Option(help="Leave each material out, and tell so many that matter most.", min=0)
    ] = 0,
    priors: Annotated[
        bool,
        typer.Option(
            "--compare-priors",
            help="For ridge and residual: held-out error with each prior by number of materials.",
        ),
    ] = False,
    out: Annotated[Path | None, typer.Option(help="File to write: .json or .csv.")] = None,
    _json: JsonFlag = False,
) -> Answer:
    """Fit the elemental reference energies of a functional to all energies of a data set."""
    if out is not None and out.suffix not in {".json", ".csv"}:
        raise LabError(f"{out}: is neither .json nor .csv; name the file with one of these.")
    if priors and minus is not None:
        raise LabError("priors are compared for one functional; leave out --minus.")
    if priors and method not in PULLED:
        raise LabError(f"{method} has no prior to compare; take --method ridge or residual.")
    source_model = checkpoint_of(model) if method in PULLED else model
    told: dict[str, Any] = {}
    text = ""
    if minus is not None:
        pull = _strength(strength)
        if pull == AUTO:
            raise LabError("a difference is not fitted with --strength auto; give a number.")
        opened = _selection(dataset, column, minus).open()
        made = side_fit(
            opened.data,
            opened.pairs,
            "difference",
            method=method,
            strength=pull,
            source_model=source_model,
            start=start,
            progress=progress_on_stderr(),
        )
        seen, fitted = made.seen, made.fit
    else:
        seen, fitted, told, text = _fitted(
            labelled_energies(dataset, column), method, source_model, start, _strength(strength)
        )
    if out is not None:
        fitted.write(out)
    table = {"element": fitted.table()["symbol"], "energy, eV/atom": fitted.energies}
    if intervals:
        more, columns_more = _intervals(fitted, seen, resamplings)
        told |= more
        table |= columns_more
    table["frames"] = fitted.counts
    if influence:
        more, lines = _influence(fitted, seen, influence)
        told |= more
        text += lines
    if priors:
        more, lines = _priors(
            seen, fitted.functional, source_model, None if strength == AUTO else fitted.strength
        )
        told |= more
        text += lines
    occurring = np.flatnonzero(fitted.counts)
    rows = [[np.asarray(values)[i] for values in table.values()] for i in occurring]
    return Answer(
        data=orjson.loads(fitted.to_json()) | told,
        text=f"{_head(fitted)}\n\n{columns(tuple(table), rows)}{text}",
    )


def _fitted(
    target: LabelledEnergies,
    method: Method,
    source_model: str,
    start: str,
    pull: float | Literal["auto"],
) -> tuple[FitData, AtomRef, dict[str, Any], str]:
    """Return data and fit of one functional, and what is told of the choice of its strength."""
    seen = fit_data(
        target.data,
        target.rows,
        target.energies,
        method=method,
        functional=target.functional,
        source_model=source_model,
        start=start,
        progress=progress_on_stderr(),
    )
    told: dict[str, Any] = {}
    text = ""
    if pull == AUTO and seen.prior is not None:
        curve = strength_curve(seen.fractions, seen.energies, seen.materials, prior=seen.prior)
        pull = curve.best
        told["strength_curve"], text = _curve(curve)
    fitted = replace(
        fit(seen, method=method, functional=target.functional, strength=pull),
        labels=target.labels,
        corrections=target.corrections,
    )
    return seen, fitted, told, text


def _selection(dataset: str, column: str | None, minus: str) -> PairSelection:
    card = find_dataset(dataset).card
    if card.kind == "pairs":
        target = column or default_columns(card)[1]
        return PairSelection(dataset=dataset, source=minus, target=target)
    if column is not None:
        raise LabError(f"{dataset}: holds frames, whose energies are known; leave out --column.")
    return PairSelection(dataset=minus, other=dataset)


def _strength(given: str) -> float | Literal["auto"]:
    if given == AUTO:
        return AUTO
    try:
        return float(given)
    except ValueError:
        raise typer.BadParameter(
            f"{given!r} is neither a number nor auto", param_hint="--strength"
        ) from None


def _head(fitted: AtomRef) -> str:
    return facts(
        {
            "energies": told_origin(fitted.functional, fitted.labels or DFT, fitted.corrections),
            "method": fitted.method,
            "frames": fitted.n,
            "rank": f"{fitted.rank} of {np.count_nonzero(fitted.counts)} elements",
            "condition": fitted.condition,
            "prior": fitted.prior_used,
            "strength": fitted.strength,
            "in few frames": ", ".join(fitted.rare()) or "none",
        }
    )


def _curve(curve: StrengthCurve) -> tuple[dict[str, Any], str]:
    told = {
        name: getattr(curve, name)
        for name in ("strengths", "mae", "mae_error", "rmse", "best", "cautious", "lstsq_mae")
    }
    text = facts(
        {
            f"held-out MAE at strength {curve.best:g}, eV/atom": curve.best_mae,
            "of least squares": curve.lstsq_mae,
            "of the prior alone": curve.prior_mae,
            "largest strength within one standard error": curve.cautious,
        }
    )
    return told, f"\n\n{text}"


def _intervals(
    fitted: AtomRef, seen: FitData, resamplings: int
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    X, y, materials = seen.fractions, seen.energies, seen.materials
    errors = standard_errors(fitted, X, y, materials)
    found = bootstrap(X, y, materials, fit=fitted, n=resamplings, progress=progress_on_stderr())
    counts = material_counts(X, materials)
    occurring = np.flatnonzero(counts)
    told = {
        "standard_errors": {SYMBOLS[i]: errors[i] for i in occurring},
        "intervals": {SYMBOLS[i]: [found.low[i], found.high[i]] for i in occurring},
        "interval_level": found.level,
        "materials": {SYMBOLS[i]: int(counts[i]) for i in occurring},
    }
    beside = {
        "standard error": errors,
        "from": found.low,
        "to (95 %)": found.high,
        "materials": counts,
    }
    return told, beside


def _influence(fitted: AtomRef, seen: FitData, most: int) -> tuple[dict[str, Any], str]:
    found = leave_one_out(seen.fractions, seen.energies, seen.materials, fitted)
    table = found.influential(most)
    table["row"] = seen.rows[table["row"]]
    open_ones = np.flatnonzero(found.undetermined)
    undetermined = {str(found.materials[i]): str(found.alone[i]) for i in open_ones}
    told = {
        "leave_one_out_mae": found.mae,
        "undetermined": undetermined,
        "influential": table.drop(columns=["alone", "undetermined"]).to_dict("records"),
    }
    head = {
        "leave-one-material-out MAE, eV/atom": found.mae,
        "undetermined without themselves": ", ".join(
            f"{name} ({alone})" if alone else name for name, alone in undetermined.items()
        )
        or "none",
    }
    titles = ("material", "leverage", "residual, eV/atom", "Cook", "moves, eV/atom")
    names = ("material_id", "leverage", "residual", "cook", "moves")
    rows = [list(row) for row in table[list(names)].itertuples(index=False)]
    return told, f"\n\n{facts(head)}\n\n{columns(titles, rows)}"


def _priors(
    seen: FitData, functional: str, source_model: str, strength: float | None
) -> tuple[dict[str, Any], str]:
    known = known_priors(functional=functional, source_model=source_model)
    found = compare_priors(
        seen.fractions,
        seen.energies,
        seen.materials,
        {kind: one.values for kind, one in known.items()},
        strength=strength,
        progress=progress_on_stderr(),
    )
    head = ("held-out MAE, eV/atom, of materials", *(f"{size}" for size in found.sizes))
    rows = [[name, *values] for name, values in zip(found.priors, found.mae.tolist(), strict=True)]
    return (
        {"prior_comparison": found.table().to_dict("records")},
        f"\n\n{columns(head, rows)}",
    )
