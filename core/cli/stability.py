"""`stability`: a model's formation and decomposition energies beside those of labels."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from core.cli.answer import Answer, LabCommand, columns, facts, progress_on_stderr
from core.cli.options import (
    RELAXATION,
    EnergyColumn,
    JsonFlag,
    MaxForce,
    MaxSteps,
    ModelOption,
    relax_settings,
)
from core.errors import LabError
from core.stability.comparison import CONVENTIONS, Comparison, Convention
from core.stability.model_stability import ModelStability
from core.stability.system_hull import SystemHull, elements_of, system_hulls
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.studies.stability import StabilityStudy

if TYPE_CHECKING:
    from core.report.document import Section

app = typer.Typer()

_CONVENTIONS: dict[str, Convention] = {"own": "own hulls", "reference": "on the reference hull"}
_WORST = 10
_PHASE = {
    "formula": "formula",
    "id": "phase",
    "formation": "formation, eV/atom",
    "above_hull": "above the hull, eV/atom",
    "decomposition": "decomposition, eV/atom",
    "competing": "competing phases",
}


@app.command("stability", cls=LabCommand)
def stability(
    *,
    dataset: Annotated[str, typer.Option(help="Reference data: frames, or pairs with structures.")],
    model: ModelOption,
    column: EnergyColumn = None,
    references: Annotated[
        str,
        typer.Option(
            metavar="mp|own|FILE",
            help="The elements' energies: mp (Materials Project's, DFT, for labels and model), own "
            "(each one's phases of the elements), or a file: a CSV with columns symbol, energy "
            "(eV/atom) and, for several functionals, functional; or a JSON dictionary by element.",
        ),
    ] = "mp",
    convention: Annotated[
        Literal["own", "reference"],
        typer.Option(
            help="Whose hull the model's energies are on: its own, or the reference's (as in "
            "Matbench Discovery)."
        ),
    ] = "own",
    threshold: Annotated[
        float, typer.Option(help="Energy above the hull that still counts as stable, eV/atom.")
    ] = 0.0,
    split: Annotated[
        Literal["test", "all"], typer.Option(help="Which materials are scored.")
    ] = "test",
    most: Annotated[int, typer.Option(help="Largest number of materials scored.", min=1)] = 1000,
    fewest: Annotated[
        int, typer.Option(help="Chemical systems with at least so many phases.", min=1)
    ] = 1,
    system: Annotated[
        str,
        typer.Option(
            metavar="SYSTEM",
            help="Show the hulls of a chemical system, such as Li-Fe-O or LiFePO4.",
        ),
    ] = "",
    phase: Annotated[
        str, typer.Option(metavar="ID", help="With --system: compare this phase.")
    ] = "",
    relax: Annotated[
        bool, typer.Option("--relax", help="Relax every structure with the model first.")
    ] = False,
    fmax: MaxForce = RELAXATION.fmax,
    steps: MaxSteps = RELAXATION.steps,
    _json: JsonFlag = False,
) -> Answer:
    """Compare a model's formation and decomposition energies, and its hulls, with labels.

    Materials of the test set are scored; all materials of the data set in their chemical systems
    make up the hulls. Only data of the model's functional, with the same corrections, are accepted.
    """
    if not 0 <= threshold < float("inf"):
        raise LabError("--threshold: give an energy of 0 eV/atom or more, such as 0.025.")
    settings = relax_settings(fmax, steps)
    study = StabilityStudy(
        dataset=dataset,
        model=model,
        column=column,
        references=references,
        relaxation=settings if relax else None,
        split=split,
        most=most,
    )
    found: ModelStability = compute_here(Job.of(study), progress_on_stderr())
    comparison = found.comparison(_CONVENTIONS[convention])
    report = _report(found, comparison, threshold, fewest)
    hulls: tuple[SystemHull, ...] = ()
    if system:
        hulls = system_hulls(comparison, elements_of(system))
        report["hulls"] = _hulls(hulls, phase)
    elif phase:
        raise LabError("--phase: name its chemical system with --system.")

    def section() -> "Section":
        # Figures take a library that the numbers need not wait for.
        from core.report.stability import Judged, stability_section  # noqa: PLC0415

        return stability_section(
            Judged.of(study, found, comparison),
            1000 * threshold,
            fewest=fewest,
            hulls=hulls,
            phase=phase or None,
        )

    return Answer(data=report, text=_text(report), section=section)


def _scores(comparison: Comparison, threshold: float) -> dict[str, Any]:
    stable = comparison.classification(threshold)
    return {
        "n": comparison.n,
        "decomposition_mae_mev_per_atom": comparison.decomposition_mae,
        "formation_mae_mev_per_atom": comparison.formation_mae,
        "f1": stable.f1,
        "precision": stable.precision,
        "recall": stable.recall,
        "accuracy": stable.accuracy,
        "roc_auc": comparison.roc(threshold).auc,
    }


def _hulls(hulls: Sequence[SystemHull], phase: str) -> dict[str, Any]:
    """Return the phases of both hulls, or one of them; energies in eV/atom."""
    told: dict[str, Any] = {"elements": hulls[0].elements}
    for side, hull in zip(("reference", "model"), hulls, strict=True):
        table = hull.table.drop(columns="row").sort_values("above_hull")
        told[side] = table[table["id"] == phase] if phase else table
    if phase and not len(told["reference"]) + len(told["model"]):
        raise LabError(f"{'-'.join(hulls[0].elements)}: has no phase {phase!r}.")
    return {name: it if name == "elements" else it.to_dict("records") for name, it in told.items()}


def _report(
    found: ModelStability, comparison: Comparison, threshold: float, fewest: int
) -> dict[str, Any]:
    source = found.reference.source
    unseen = found.has_unseen[comparison.table["phase"]]
    systems = comparison.systems
    return {
        **_scores(comparison, threshold),
        "threshold": threshold,
        "convention": comparison.convention,
        "functional": source.functional,
        "corrections": source.corrections,
        "labels": source.labels,
        "model": found.model.source.labels,
        "model_sha256": found.model.source.model,
        "relaxation": found.model.source.relaxation,
        "references": found.elements.origin,
        "n_available": found.n_available,
        "n_phases": len(found.reference),
        "unseen_elements": found.unseen,
        "without_unseen": _scores(comparison.only(~unseen), threshold) if unseen.any() else None,
        "left_out": comparison.left_out.to_dict("records"),
        "not_converged": [{"id": name, "why": why} for name, why in found.not_converged.items()],
        "worst_systems": systems[systems["n"] >= fewest].head(_WORST).to_dict("records"),
    }


def _text(report: dict[str, Any]) -> str:
    lines = {
        "compounds": f"{report['n']:,} of {report['n_available']:,} with structure and energy; "
        f"{report['n_phases']:,} phases in their systems",
        "reference": f"{report['functional']}, labels: {report['labels']}, "
        f"corrections: {report['corrections']}",
        "hulls": CONVENTIONS[report["convention"]],
        "structures": report["relaxation"],
        "elements": report["references"],
        "decomposition energy MAE, meV/atom": report["decomposition_mae_mev_per_atom"],
        "formation energy MAE, meV/atom": report["formation_mae_mev_per_atom"],
        "stable up to, eV/atom": report["threshold"],
        **{key: report[key] for key in ("precision", "recall", "f1", "accuracy", "roc_auc")},
    }
    systems = report["worst_systems"]
    titles = ("worst systems", "compounds", "decomposition", "formation", "stability wrong")
    keys = ("system", "n", "decomposition_mae", "formation_mae", "wrong")
    parts = [facts(lines)]
    if systems:
        parts.append(columns(titles, [[row[key] for key in keys] for row in systems]))
    for side in ("reference", "model") if "hulls" in report else ():
        rows = [[row[key] for key in _PHASE] for row in report["hulls"][side]]
        name = "-".join(report["hulls"]["elements"])
        parts.append(f"{name} by the {side}\n{columns(list(_PHASE.values()), rows)}")
    parts.append(_left_out(report["left_out"]))
    if report["labels"] == report["model"]:
        parts.append(
            "These labels were made by this model itself, so they do not judge it; choose other "
            "data."
        )
    if report["not_converged"]:
        parts.append(f"{len(report['not_converged']):,} relaxations did not converge.")
    if report["unseen_elements"]:
        names = ", ".join(report["unseen_elements"])
        parts.append(f"The model's training held no {names}. Without these compounds:")
        parts.append(facts(report["without_unseen"] or {}))
    return "\n\n".join(filter(None, parts))


def _left_out(rows: list[dict[str, str]]) -> str:
    """Return how many materials are left out for which reason, the commonest first."""
    counts = Counter(row["why"] for row in rows)
    lines = [f"{n:,} left out: {why}." for why, n in counts.most_common(_WORST)]
    rest = len(rows) - sum(n for _, n in counts.most_common(_WORST))
    if rest:
        lines.append(f"{rest:,} left out for other reasons; --json lists them.")
    return "\n".join(lines)
