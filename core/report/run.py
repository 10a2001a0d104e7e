"""The section of a report about one run."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pandas as pd

from core.errors import LabError
from core.figures.training.gradients import gradient_panels
from core.figures.training.run_curves import run_curves
from core.figures.training.run_parity import run_parity
from core.frames.schema import LABELS
from core.progress import Progress
from core.report.document import Figure, Section, Table
from core.runs.export.card import data_facts, training_facts
from core.runs.record.directory import Run
from core.runs.results.about import description, provenance_of
from core.runs.results.comparison import errors_table, label_of, method_label, no_gain
from core.runs.results.curves import error_curves, gradient_norms
from core.runs.results.quantities import probes_of
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.studies.run_errors import RunErrorsStudy
from core.training.scoring.frame_errors import KINDS, FrameErrors
from core.training.settings.methods import METHODS
from core.training.settings.metrics import METRICS, TEST_METRICS, MetricInfo
from core.training.settings.report import forgotten_rows, rate_of

_OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "radam": "RAdam"}


def run_section(run: Run, progress: Progress | None) -> Section:
    """Return the section about a run.

    Args:
        run: the run.
        progress: receives the share done of the predictions behind the parity figures; None takes
            them only if they have been computed before.

    Raises:
        LabError: if the run is gone.
    """
    return Section(
        id=run.id,
        title=label_of(run),
        paragraphs=list(filter(None, [description(run), no_gain(run), methods_text(run)])),
        tables=[
            Table(
                title="Mean absolute errors",
                table=errors_table(run)
                .dropna(axis="columns", how="all")
                .rename(columns=titles(TEST_METRICS) | {"model": "Model"}),
                note="Validation chose the epoch; the test frames were used once, at the end.",
            ),
            *_forgotten(run),
        ],
        figures=[*_curves(run), *gradients([run], run.id), *_parity(run, progress)],
        facts={
            "Data": data_facts(run),
            "Training": training_facts(run),
            "All settings": flat(run.config.model_dump(mode="json")),
        },
        commands=[run.config.command],
        models=[run] if run.best_checkpoint.is_file() else [],
    )


def methods_text(run: Run) -> str:
    """Return how the model of a run was made, as a paragraph for a methods section."""
    config, start = run.config, run.event("start")
    method, loss = METHODS[config.method], config.loss
    counts = " / ".join(
        f"{start[key]:,}" for key in ("n_train", "n_validation", "n_test") if key in start
    )
    after = " after Huang et al. (2025)" if method.paper != "ours" else ""
    sentences = [
        f"CHGNet (Deng et al. 2023) was fitted to {config.dataset}{after}.",
        f"Method: {method_label(config.method)}, from {method.starts_from}.",
        f"AtomRef: {method.atomref[0].lower()}{method.atomref[1:]}",
        f"Training, validation and test frames: {counts}, split by material." if counts else "",
    ]
    if config.epochs:
        rate = rate_of(start.get("rate"), config.learning_rate)
        labels = [kind for kind in start.get("labels", LABELS) if getattr(loss, kind) > 0]
        ratios = " : ".join(f"{getattr(loss, kind):g}" for kind in labels)
        sentences.append(
            f"The loss was the Huber loss (delta {loss.huber_delta:g}) of {', '.join(labels)} "
            f"(eV/atom, eV/Å, GPa, μB) in the ratio {ratios}, minimised with "
            f"{_OPTIMIZERS[config.optimizer]} for at most {config.epochs} epochs in batches of "
            f"{config.batch_size} frames. The learning rate of {rate:g} fell along "
            "a cosine to one hundredth. The model of the epoch with the smallest validation error "
            f"of {config.best_by} was kept."
        )
    return " ".join(filter(None, sentences))


def gradients(runs: Sequence[Run], name: str, *, first_epoch: bool = False) -> list[Figure]:
    """Return the figure of the gradients of runs; none where nothing was recorded."""
    table = gradient_norms(runs, first_epoch=first_epoch)
    if table.empty:
        return []
    present = set(table["method"])
    methods = [method for method in METHODS if method in present]
    return [
        Figure(
            name=f"{name}-gradients",
            figure=gradient_panels(table, probes=probes_of(runs), methods=methods, dark=False),
            caption="Norms of the gradient in the layers of Figure 3a of Huang et al. (2025), mean "
            "over the steps of a tenth of an epoch; a band is the range over seeds.",
            source=provenance_of(*runs),
            table=table,
        )
    ]


def titles(metrics: Mapping[str, MetricInfo]) -> dict[str, str]:
    """Return the title of each metric's column, with its unit."""
    return {key: f"{info.label}, {info.unit}" for key, info in metrics.items()}


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings by dotted names."""
    rows: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            rows |= flat(value, f"{prefix}{key}.")
        else:
            rows[f"{prefix}{key}"] = value
    return rows


def _curves(run: Run) -> list[Figure]:
    return [
        Figure(
            name=f"{run.id}-{key}",
            figure=run_curves(
                table,
                title=METRICS[key].label,
                unit=METRICS[key].unit,
                x_title="Epoch",
                x_unit="",
                log_y=True,
                dark=False,
            ),
            caption=f"{METRICS[key].label} on training and validation frames. Epoch 0 is the model "
            "before any step, with its AtomRef.",
            source=provenance_of(run),
            table=table,
        )
        for key, table in error_curves(run).items()
    ]


def _parity(run: Run, progress: Progress | None) -> list[Figure]:
    errors: FrameErrors | None = None
    # The data set, or the model, may be gone; the rest of the report is not.
    with suppress(LabError):
        job = Job.of(RunErrorsStudy(run=run.id))
        if job.is_done:
            errors = job.result()
        elif progress is not None and run.best_checkpoint.is_file():
            errors = compute_here(job, progress)
    if errors is None:
        return []
    names = [
        f"{name}, {formula}"
        for name, formula in zip(errors.frame_ids, errors.formulas, strict=True)
    ]
    source = replace(provenance_of(run), details=f"{len(errors.rows):,} test frames.")
    drawn = {kind: (errors.compared(kind), KINDS[kind]) for kind in errors.kinds}
    if "energy" in drawn:
        drawn["energy-minus-atomref"] = (
            errors.without_atomref(),
            ("Energy minus AtomRef", "eV/atom"),
        )
    return [
        Figure(
            name=f"{run.id}-parity-{key}",
            figure=run_parity(table, names, title=title, unit=unit, dark=False),
            caption=f"{title} of the best epoch's model beside the labels of "
            f"{len(errors.rows):,} of {errors.n_available:,} test frames.",
            source=source,
            table=table.assign(frame=errors.frame_ids[table["frame"]]),
        )
        for key, (table, (title, unit)) in drawn.items()
    ]


def _forgotten(run: Run) -> list[Table]:
    rows = forgotten_rows(run.event("end").get("forgotten"))
    if not rows:
        return []
    table = pd.DataFrame(rows).rename(columns=str.capitalize)
    return [Table(title="What was forgotten of the source functional", table=table)]
