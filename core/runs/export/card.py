"""A run's model card: the model, its data, its errors, and how to use it."""

import time
from contextlib import suppress
from typing import Any

from core.errors import LabError
from core.frames.registry import find_dataset
from core.frames.schema import DFT, Card
from core.progress import duration_text
from core.runs.record.directory import Run
from core.runs.record.functionals import RunFunctional
from core.runs.record.machine import software
from core.runs.results.matched import SPLITS, errors_of
from core.training.settings.energies_only import drift_text, replay_text, teacher_text
from core.training.settings.functionals import functionals_text
from core.training.settings.left_out import left_out_text
from core.training.settings.methods import METHODS
from core.training.settings.metrics import TEST_METRICS
from core.training.settings.report import (
    later_text,
    rate_of,
    rate_text,
    solved_text,
    uncertainty_text,
    weights_text,
)

_SNIPPET = """\
from ase.io import read
from chgnet.model import CHGNet, CHGNetCalculator

atoms = read("structure.cif")
atoms.calc = CHGNetCalculator(CHGNet.from_file("{file}"))
print(atoms.get_potential_energy() / len(atoms), "eV/atom")
"""

MOLECULAR_DYNAMICS = (
    "Molecular dynamics: ASE with the calculator above, or many structures together in TorchSim. "
    "LAMMPS: neither LAMMPS itself nor chgnet has a pair style for CHGNet, and nothing is exported "
    "for one. The fork github.com/advancesoftcorp/lammps has one, which runs chgnet in an embedded "
    "Python on this checkpoint, in one process without MPI; it is not tested here."
)
"""What runs the model, and what does not exist."""


def snippet(file: str) -> str:
    """Return Python that uses an exported checkpoint with stock chgnet and ASE.

    Args:
        file: the checkpoint's name.
    """
    return _SNIPPET.format(file=file.replace("\\", "\\\\").replace('"', '\\"'))


def model_card(
    run: Run, *, file: str = "model.pth.tar", functional: RunFunctional | None = None
) -> str:
    """Return a run's model card as Markdown.

    Args:
        run: a run with a checkpoint.
        file: name of the exported checkpoint.
        functional: which of several functionals the model is of; None for the first.

    Raises:
        LabError: if the run is gone or has no validated epoch yet.
    """
    config, status = run.config, run.status()
    if status.best_epoch is None:
        raise LabError(f"{run.id}: has no validated epoch yet; let it train first.")
    method = METHODS[config.method]
    dataset, data, labels, _ = _data_set(run, functional)
    warning = (
        ""
        if labels == DFT
        else f"\n**Its labels were made by {labels}, not by DFT: it shows how the method works "
        "and is not a potential for research.**\n"
    )
    sections = {
        "Data": data_facts(run, functional),
        "Training": training_facts(run),
        "Software": software(),
    }
    tables = "\n\n".join(f"## {name}\n\n{_table(facts)}" for name, facts in sections.items())
    return (
        f"# CHGNet for {data.functional if data else 'the functional of ' + dataset}\n\n"
        f"{method.label} ({method.paper}) from "
        f"{config.source_model if method.start == 'pretrained' else 'random weights'}, "
        f"run {run.id}. AtomRef: {method.atomref[0].lower()}{method.atomref[1:]}\n"
        f"{warning}\n"
        f"## Errors of epoch {status.best_epoch}\n\n{_errors(run, functional)}\n\n{tables}\n\n"
        f"## Repeat it\n\n```\n{config.command}\n```\n\n"
        f"## Use it\n\n```python\n{snippet(file)}```\n\n{MOLECULAR_DYNAMICS}\n\n"
        f"Written {time.strftime('%Y-%m-%d', time.localtime())}.\n"
    )


def _errors(run: Run, functional: RunFunctional | None) -> str:
    lines = ["| | train | validation | test |", "|---|---|---|---|"]
    errors = {split: errors_of(run, split) or {} for split in SPLITS}
    if functional is not None and functional.number:
        further = {"validation": functional.validation, "test": functional.test}
        errors = {split: further.get(split) or {} for split in SPLITS}
    for key, info in TEST_METRICS.items():
        cells = [
            "–" if (value := values.get(key)) is None else f"{value:.4g}"
            for values in errors.values()
        ]
        lines.append(f"| {info.label}, {info.unit} | {' | '.join(cells)} |")
    note = (
        "Mean absolute errors. Training errors are those of the epoch's steps; validation chose "
        "the epoch; the test frames were used once, at the end."
    )
    return "\n".join([*lines, "", note])


def _data_set(
    run: Run, functional: RunFunctional | None
) -> tuple[str, Card | None, str, dict[str, Any]]:
    """Return a data set's name, its card if it is still there, its labels, what training saw."""
    dataset, own, labels = run.config.dataset, run.event("start"), run.status().labels
    if functional is not None and functional.number:
        dataset, own = functional.dataset, functional.facts
        labels = own.get("labels")
    data: Card | None = None
    with suppress(LabError):
        data = find_dataset(dataset).card
    return dataset, data, labels or (data.labels if data else "unknown"), own


def data_facts(run: Run, functional: RunFunctional | None = None) -> dict[str, Any]:
    """Return what a run was trained on, value by name; empty values are not known.

    Args:
        run: the run.
        functional: one of several that the run was trained on; None for the first.

    Raises:
        LabError: if the run is gone.
    """
    dataset, data, labels, start = _data_set(run, functional)
    facts: dict[str, Any] = {"Data set": dataset}
    if data is not None:
        facts |= {
            "Functional": data.functional,
            "MP2020 corrections": data.corrections,
            "SHA-256 of the data": data.fingerprint,
            "From": data.source_file,
            "SHA-256 of that file": data.source_sha256,
            "Licence": data.licence,
            "Split": f"by material, seed {data.split_seed}, 80 : 10 : 10",
        }
    return facts | {
        "Labels by": labels,
        "Kinds of label": ", ".join(start.get("kinds", start.get("labels", []))),
        "Frames": ", ".join(
            f"{start[key]:,} {name}"
            for name, key in (
                ("training", "n_train"),
                ("validation", "n_validation"),
                ("test", "n_test"),
            )
            if key in start
        ),
        "Frames left out": left_out_text(start.get("left_out_why", {})),
        "Elements trained on": ", ".join(start.get("elements", [])),
        "Elements in fewer than ten training frames": ", ".join(
            start.get("atomref", {}).get("rare", [])
        ),
        "Elements of the data set without a training frame": ", ".join(
            start.get("atomref", {}).get("unseen", [])
        ),
    }


def training_facts(run: Run) -> dict[str, Any]:
    """Return how a run was trained, value by name; empty values are not known.

    Raises:
        LabError: if the run is gone.
    """
    config, status, start = run.config, run.status(), run.event("start")
    loss = config.loss
    rate = rate_of(start.get("rate"), config.learning_rate)
    return {
        "Optimiser": f"{config.optimizer}, learning rate {rate:g}, cosine",
        "Epochs": f"{status.epoch:g} of {status.epochs}, the best is {status.best_epoch}",
        "Batch size": config.batch_size,
        "Loss": f"Huber (delta {loss.huber_delta:g}), energy : force : stress : magmom = "
        f"{loss.energy:g} : {loss.force:g} : {loss.stress:g} : {loss.magmom:g}",
        "Frozen blocks": ", ".join(config.frozen),
        "Learning rate found": rate_text(start.get("rate")),
        "Later loss ratios": later_text(config.later),
        "Weights of frames": weights_text(start.get("frame_weights")),
        "AtomRef solved again": solved_text(run.event("end").get("atomref_after")),
        "Teacher": teacher_text(start.get("source_functional")),
        "Several functionals": functionals_text(config.functionals, start.get("functionals")),
        "Replay": replay_text(start.get("source_functional")),
        "Trained on energies alone": drift_text(run.event("end").get("force_drift")),
        "Uncertainty of energies": uncertainty_text(run.event("end").get("uncertainty")),
        "Seed": config.seed,
        "Device": start.get("device"),
        "Training time": duration_text(status.seconds) if status.seconds else None,
    }


def _table(facts: dict[str, Any]) -> str:
    rows = [
        f"| {name} | {_cell(value)} |" for name, value in facts.items() if value not in {None, ""}
    ]
    return "\n".join(["| | |", "|---|---|", *rows])


def _cell(value: Any) -> str:
    """Return a value as text that contains no Markdown or HTML."""
    text = " ".join(str(value).split())
    for sign in "\\`*_<>[]|":
        text = text.replace(sign, f"\\{sign}")
    return text
