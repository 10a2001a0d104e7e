"""`atomref`: fit the elemental references of a functional, with their uncertainty."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import orjson
import typer

from core.cli.answer import Answer, LabCommand, columns, facts, progress_on_stderr
from core.cli.options import DatasetArgument, EnergyColumn, JsonFlag, PriorModel
from core.cli.selection import describe_origin
from core.elements import fractions_from_formula
from core.errors import LabError
from core.frames.registry import find_dataset
from core.frames.schema import DFT
from core.intervals import NOT_DETERMINED
from core.reference.fits.atomref import RARE, AtomRef, Method
from core.reference.fits.compare import compared
from core.reference.fits.prior_comparison import PriorComparison
from core.reference.fits.strength import StrengthCurve
from core.reference.fits.uncertainty import RESAMPLINGS
from core.reference.shifts.hubbard import HubbardShifts
from core.reference.shifts.pairs import OpenedPairs, PairedEnergies, default_columns
from core.reference.shifts.shift import pearson, scaled_energies
from core.studies.atomref_fit import AtomRefStudy
from core.studies.atomref_intervals import Intervals
from core.studies.atomref_intervals import intervals as fit_intervals
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.studies.prior_comparison import PriorStudy
from core.studies.selection import EnergySelection, PairSelection
from core.transfer.atomref_fits import PULLED, AtomRefFit, Strength

if TYPE_CHECKING:
    from core.report import document

Section = tuple[dict[str, Any], str]
"""What a part of the answer adds to its JSON object, and to its text."""

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
            help="Fit the difference to other energies of the same rows: another column of pairs, "
            "or another data set of frames."
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            help="Fit other energies of the same rows alike, and compare both: another column of "
            "pairs, or another data set of frames."
        ),
    ] = None,
    model: PriorModel = "chgnet-0.3.0",
    start: Annotated[
        str,
        typer.Option(
            "--prior",
            metavar="shifted|source|crystal|atom|NAME|FILE|isolated",
            help="For ridge and residual: the model's AtomRef as it is (source), moved by the "
            "shift of the elemental crystals (crystal), of the isolated atoms (atom), by the best "
            "known shift of each element (shifted); or your own: a saved AtomRef, a file (a "
            "dictionary by element in JSON, CSV, what --out wrote), or the isolated atoms of the "
            "data set (isolated), where elements that they lack take the shifted prior.",
        ),
    ] = "shifted",
    strength: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER|auto|covariance",
            help="Ridge strength toward the prior, for ridge and residual; auto: the best by "
            "cross-validation over materials; covariance: elements that are alike depart from the "
            "prior alike, as strongly as the data suggest, with an error of each.",
            show_default="covariance for residual, else 0.01",
        ),
    ] = None,
    separate_u: Annotated[
        bool,
        typer.Option(
            "--separate-u",
            help="Fit what U adds beside the references, per element that is met both with and "
            "without U; which rows carry U is told by a column such as run_type or hubbards, else "
            "for GGA/GGA+U by composition, as Materials Project chooses it.",
        ),
    ] = False,
    intervals: Annotated[
        bool,
        typer.Option(
            "--intervals",
            help="Report standard errors and 95 % bootstrap intervals, by resampling materials.",
        ),
    ] = False,
    resamplings: Annotated[
        int, typer.Option(min=100, max=100_000, help="Number of resamplings for --intervals.")
    ] = RESAMPLINGS,
    influence: Annotated[
        int,
        typer.Option(help="Number of most influential materials to list (leave-one-out).", min=0),
    ] = 0,
    priors: Annotated[
        bool,
        typer.Option(
            "--compare-priors",
            help="For ridge and residual: held-out error with each prior, by number of materials.",
        ),
    ] = False,
    rare: Annotated[
        int, typer.Option(min=2, help="Intervals: mark elements in fewer materials.")
    ] = RARE,
    formula: Annotated[
        str, typer.Option(help="Show how AtomRef adds up to its part of the energy of a formula.")
    ] = "",
    out: Annotated[Path | None, typer.Option(help="File to write: .json or .csv.")] = None,
    _json: JsonFlag = False,
) -> Answer:
    """Fit the elemental reference energies of a functional to all energies of a data set."""
    _check(method, out=out, minus=minus, source=source, priors=priors)
    study = AtomRefStudy(
        pairs=_selection(dataset, column, minus or source),
        side="target" if minus is None else "difference",
        method=method,
        model=model,
        start=start,
        separate_u=separate_u,
        **({} if strength is None else {"strength": _strength(strength)}),
    )
    progress = progress_on_stderr()
    opened = study.pairs.open()
    fit = study.fitted(progress, opened=opened)
    if out is not None:
        fit.atomref.write(out)
    bootstrap = (
        fit_intervals(fit, resamplings=resamplings, progress=progress) if intervals else None
    )
    sections = [_head(fit.atomref, bootstrap)]
    sections += [] if bootstrap is None else [_overview(bootstrap, rare)]
    beside = None
    if source is not None and isinstance(opened, OpenedPairs):
        other = study.model_copy(update={"side": "source"}).fitted(progress, opened=opened)
        beside = (opened.pairs, other.atomref)
        sections.append(_beside(*beside, fit.atomref))
    if formula:
        sections.append(_example(fit.atomref, formula))
    if separate_u:
        sections.append(_u_shifts(fit.u_shifts))
    if fit.curve is not None:
        sections.append(_curve(fit.curve))
    if influence:
        sections.append(_influence(fit, influence))
    by_prior = None
    if priors:
        comparison = PriorStudy.of(study, own_strength=False)
        by_prior = compute_here(Job.of(comparison), progress)
        sections.append(_priors(by_prior))
    data = orjson.loads(fit.atomref.to_json())
    for more, _ in sections:
        data |= more

    def section() -> "document.Section":
        # Figures take a library that the numbers need not wait for.
        from core.report.atomref.section import atomref_section  # noqa: PLC0415

        return atomref_section(
            study,
            fit,
            bootstrap=bootstrap,
            most=influence,
            priors=by_prior,
            beside=beside,
            rare=rare,
            formula=formula,
        )

    return Answer(data=data, text="\n\n".join(text for _, text in sections), section=section)


def _check(
    method: Method, *, out: Path | None, minus: str | None, source: str | None, priors: bool
) -> None:
    """Refuse options that do not fit together."""
    if out is not None and out.suffix not in {".json", ".csv"}:
        raise LabError(f"{out}: is neither .json nor .csv; name the file with one of these.")
    if priors and minus is not None:
        raise LabError("priors are compared for one functional; leave out --minus.")
    if priors and method not in PULLED:
        raise LabError(f"{method} has no prior to compare; choose --method ridge or residual.")
    if source is not None and minus is not None:
        raise LabError("--source compares two fits, --minus fits one difference; leave out one.")


def _selection(
    dataset: str, column: str | None, minus: str | None
) -> PairSelection | EnergySelection:
    if minus is None:
        return EnergySelection(dataset=dataset, column=column)
    card = find_dataset(dataset).card
    if card.kind == "pairs":
        target = column or default_columns(card)[1]
        return PairSelection(dataset=dataset, source=minus, target=target)
    if column is not None:
        raise LabError(f"{dataset}: holds frames, whose energies are known; leave out --column.")
    return PairSelection(dataset=minus, other=dataset)


def _strength(text: str) -> Strength:
    if text in {"auto", "covariance"}:
        return cast("Strength", text)
    try:
        strength = float(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither a number nor auto or covariance", param_hint="--strength"
        ) from None
    if not 0 < strength < float("inf"):
        raise LabError(f"the ridge strength is {text}; give a number above 0.")
    return strength


def _head(atomref: AtomRef, bootstrap: Intervals | None) -> Section:
    occurring = atomref.table()[atomref.counts > 0]
    text = facts(
        {
            "energies": describe_origin(
                atomref.functional, atomref.labels or DFT, atomref.corrections
            ),
            "method": atomref.method,
            "frames": atomref.n,
            "rank": f"{atomref.rank} of {len(occurring)} elements",
            "condition": atomref.condition,
            "prior": atomref.prior_used,
            "strength": atomref.strength,
            **{
                f"standard deviation ({part}), eV/atom": deviation
                for part, deviation in atomref.deviations.items()
            },
            "in few frames": ", ".join(atomref.rare()) or "none",
        }
    )
    if atomref.scale_note:
        text += f"\n\n{atomref.scale_note}"
    names = {"symbol": "element", "energy": "energy, eV/atom", "count": "frames"}
    data: dict[str, Any] = {}
    if atomref.errors is not None:
        occurring = occurring.assign(error_bar=atomref.errors[atomref.counts > 0])
        names |= {"error_bar": "error after the data, eV/atom"}
    if bootstrap is not None:
        table = bootstrap.table()
        names |= {"error": "standard error", "low": "from", "high": "to (95 %)", "n": "materials"}
        occurring = occurring.merge(
            table.rename(columns={"count": "n"})[["symbol", "error", "low", "high", "n"]]
        )
        symbols = table["symbol"]
        data = {
            "standard_errors": dict(zip(symbols, table["error"], strict=True)),
            "intervals": dict(
                zip(symbols, table[["low", "high"]].to_numpy().tolist(), strict=True)
            ),
            "interval_level": bootstrap.interval.level,
            "materials": dict(zip(symbols, table["count"], strict=True)),
        }
        ends = occurring[["error", "low", "high"]].astype(object)
        occurring[ends.columns] = ends.where(ends.notna(), NOT_DETERMINED)
    rows = list(occurring.itertuples(index=False))
    return data, f"{text}\n\n{columns([names[str(name)] for name in occurring], rows)}"


def _overview(bootstrap: Intervals, rare: int) -> Section:
    found = bootstrap.overview(rare)
    width, symbol = found.widest
    text = facts(
        {
            f"typical ±, in {rare} materials or more, eV/atom": found.typical,
            "widest ±, eV/atom": f"{symbol} {width:.4g}" if symbol else NOT_DETERMINED,
            f"in fewer than {rare} materials": ", ".join(found.rare) or "none",
            NOT_DETERMINED: ", ".join(found.undetermined) or "none",
        }
    )
    data = {
        "typical_half_width": found.typical,
        "widest_half_width": {symbol: width} if symbol else {},
        "rare": found.rare,
        "not_determined": found.undetermined,
    }
    return data, text


def _beside(pairs: PairedEnergies, source: AtomRef, target: AtomRef) -> Section:
    table = compared(source, target)
    scaled = scaled_energies(pairs, source, target)
    r = {
        "pearson_raw": pearson(pairs.source, pairs.target),
        "pearson_scaled": pearson(*scaled),
    }
    symbols = table["symbol"]
    data = {
        "source": {
            "functional": source.functional,
            "energies": dict(zip(symbols, table["source"], strict=True)),
            "differences": dict(zip(symbols, table["difference"], strict=True)),
            **r,
        }
    }
    head = ["element", source.functional, target.functional, "difference, eV/atom", "frames"]
    text = facts(
        {
            "Pearson r, total energies": r["pearson_raw"],
            "Pearson r, scaled energies": r["pearson_scaled"],
        }
    )
    return data, f"{text}\n\n{columns(head, list(table.itertuples(index=False)))}"


def _example(atomref: AtomRef, formula: str) -> Section:
    terms = atomref.terms(fractions_from_formula(formula))
    total = float(terms["contribution"].sum())
    head = ["element", "AtomRef, eV/atom", "fraction", "contribution, eV/atom"]
    text = columns(head, list(terms.itertuples(index=False)))
    data = {"formula": formula, "contribution": total, "terms": terms.to_dict("records")}
    return {"example": data}, f"AtomRef of {formula}: {total:.4f} eV/atom\n{text}"


def _u_shifts(found: HubbardShifts | None) -> Section:
    if found is None:
        return {"u_shifts": {}}, "No element is met both with and without U."
    table = found.table()
    head = ["element", "U adds, eV per atom", "standard error", "materials with U", "without"]
    return {
        "u_shifts": found.by_symbol(),
        "mae_without_u_columns": found.mae_without,
    }, columns(head, list(table.itertuples(index=False)))


def _curve(curve: StrengthCurve) -> Section:
    names = ("strengths", "mae", "mae_error", "rmse", "best", "cautious", "lstsq_mae")
    text = facts(
        {
            f"held-out MAE at strength {curve.best:g}, eV/atom": curve.best_mae,
            "of least squares": curve.lstsq_mae,
            "of the prior alone": curve.prior_mae,
            "largest strength within one standard error": curve.cautious,
        }
    )
    return {"strength_curve": {name: getattr(curve, name) for name in names}}, text


def _influence(fit: AtomRefFit, most: int) -> Section:
    errors = fit.leave_one_out()
    table = errors.influential(most)
    table["row"] = fit.rows[table["row"]]
    undetermined = errors.table().query("undetermined")[["material_id", "alone"]].to_numpy()
    text = facts(
        {
            "leave-one-material-out MAE, eV/atom": errors.mae,
            "undetermined when left out": ", ".join(
                f"{name} ({alone})" if alone else name for name, alone in undetermined
            )
            or "none",
        }
    )
    names = {
        "material_id": "material",
        "leverage": "leverage",
        "residual": "residual, eV/atom",
        "cook": "Cook",
        "moves": "moves, eV/atom",
    }
    rows = list(table[list(names)].itertuples(index=False))
    data = {
        "leave_one_out_mae": errors.mae,
        "undetermined": dict(undetermined.tolist()),
        "influential": table.drop(columns=["alone", "undetermined"]).to_dict("records"),
    }
    return data, f"{text}\n\n{columns(list(names.values()), rows)}"


def _priors(comparison: PriorComparison) -> Section:
    head = ("held-out MAE, eV/atom, by materials", *(f"{size}" for size in comparison.sizes))
    rows = [
        [name, *values]
        for name, values in zip(comparison.priors, comparison.mae.tolist(), strict=True)
    ]
    return {"prior_comparison": comparison.table().to_dict("records")}, columns(head, rows)
