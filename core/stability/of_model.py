"""Stability by a model and by the labels of a data set."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from core.elements import INDEX, N_ELEMENTS
from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.provenance import CORRECTIONS
from core.frames.schema import EnergyColumn
from core.frames.splits import seeded_rank
from core.frames.store import FrameSet
from core.potential.examples import load_examples
from core.potential.models import (
    atomref_of,
    load_model,
    model_fingerprint,
    read_extra,
    resolve_device,
    source_functional,
)
from core.potential.relaxation.relax import relax
from core.potential.relaxation.settings import RelaxSettings
from core.potential.released import MODELS
from core.potential.threads import compute_settings
from core.progress import Progress, part, silent
from core.reference.formation.energies import ElementReferences, references_of
from core.reference.shifts.pairs import default_energy
from core.stability.comparison import comparison_problem
from core.stability.model_stability import ModelStability
from core.stability.phases import (
    AS_GIVEN,
    EnergySource,
    Phases,
    of_materials,
    phases_of,
    with_their_systems,
)
from core.transfer.interaction import interaction_energies
from core.transfer.seen_elements import never_seen
from core.transfer.source_model import SourceModel

OWN = "own"
"""Elements: each source's own of lowest energy."""


@dataclass(kw_only=True, frozen=True, slots=True)
class ModelEnergies:
    """A model, and how its energies of structures are found.

    Attributes:
        model: the model, and where it is evaluated.
        name: its name in words, such as a run's id.
        relaxation: when a relaxation ends; None takes the structures as they are.
    """

    model: SourceModel
    name: str
    relaxation: RelaxSettings | None = None

    @property
    def source(self) -> EnergySource:
        """Whose energies they are.

        Raises:
            LabError: if the model cannot be loaded.
        """
        name = self.model.name
        released = MODELS.get(name)
        named = released.corrections if released else read_extra(Path(name)).get("corrections")
        return EnergySource(
            functional=source_functional(name),
            corrections=next((known for known in CORRECTIONS if known == named), "unknown"),
            labels=self.name,
            model=model_fingerprint(load_model(name)),
            relaxation=self.relaxation.text() if self.relaxation else AS_GIVEN,
        )


def stability_of(
    energies: ModelEnergies,
    data: FrameSet | PairSet,
    rows: np.ndarray,
    *,
    column: str | None = None,
    references: str | pd.DataFrame = "mp",
    most: int | None = None,
    progress: Progress = silent,
) -> ModelStability:
    """Compute a model's energies of some materials and of all phases in their chemical systems.

    Args:
        energies: the model.
        data: frames or pairs with structures.
        rows: rows of it whose materials are scored.
        column: of pairs: the reference's energies; None takes those of the model's functional.
        references: the elements' energies, "own", "mp", or a table or its path, as of
            `core.reference.formation.energies.references_of`.
        most: largest number of materials that are scored; None scores all.
        progress: receives the share that is done.

    Raises:
        LabError: if functionals or corrections of model and data differ, there are no structures,
            or none can be scored.
    """
    source = energies.source
    if isinstance(data, PairSet):
        column = column or _column_for(data, source)
        if not data.has_structures:
            raise LabError(
                f"{data.card.name}: has no structures, and a model needs them; import it with a "
                "column of structures."
            )
    phases = phases_of(data, column)
    if problem := comparison_problem(phases.source, source):
        raise LabError(f"{data.card.name}: {problem}")
    asked = of_materials(phases, data, rows)
    has_structure = np.ones(len(phases), dtype=bool)
    if isinstance(data, PairSet):
        has_structure = data.structure_flags()[phases.rows]
    is_compound = (phases.fractions > 0).sum(axis=1) > 1
    complete = has_structure & np.isfinite(phases.energies)
    available = asked & is_compound & complete
    if not available.any():
        raise LabError(
            f"{data.card.name}: none of the materials asked for is a compound with both a "
            "structure and an energy; choose others."
        )
    sample = _sample(phases.ids, available, most)
    # What cannot be scored is listed with the reason.
    scored = sample | (asked & ~complete)
    chosen = with_their_systems(phases.fractions, sample) | scored
    phases, scored, has_structure = phases.take(chosen), scored[chosen], has_structure[chosen]
    # Before the energies, which may take hours.
    elements = _elements(references, phases)
    model, not_converged = _model_phases(
        energies, source, phases, data, has_structure, progress=progress
    )
    unseen = never_seen(energies.model.name, phases.fractions[scored])
    places = [INDEX[symbol] for symbol in unseen]
    return ModelStability(
        reference=phases,
        model=model,
        scored=scored,
        elements=elements,
        n_available=int(available.sum()),
        unseen=unseen,
        has_unseen=np.asarray((phases.fractions[:, places] > 0).any(axis=1)),
        not_converged=not_converged,
    )


def _column_for(data: PairSet, source: EnergySource) -> str:
    """Return the energies that a model can be judged by, else the default ones."""

    def fits(energy: EnergyColumn) -> bool:
        return not comparison_problem(EnergySource.of(energy), source)

    columns = [energy.column for energy in data.card.energies if fits(energy)]
    return columns[0] if columns else default_energy(data.card)


def _sample(ids: np.ndarray, available: np.ndarray, most: int | None) -> np.ndarray:
    """Return which of the available phases are scored, the same ones every time."""
    if most is None or available.sum() <= most:
        return available
    places = np.flatnonzero(available)
    rank = seeded_rank(ids[places], "stability")
    scored = np.zeros(len(ids), dtype=bool)
    scored[places[rank < most]] = True
    return scored


def _model_phases(
    energies: ModelEnergies,
    source: EnergySource,
    phases: Phases,
    data: FrameSet | PairSet,
    has_structure: np.ndarray,
    *,
    progress: Progress,
) -> tuple[Phases, dict[str, str]]:
    """Return the phases with the model's energies, and what did not converge."""
    values = np.full(len(phases), np.nan)
    reasons = np.full(len(phases), "", dtype=object)
    reasons[~has_structure] = "it has no structure (none was given, or a disordered one)"
    # What has no energy by the reference is in no hull and in no comparison.
    wanted = np.flatnonzero(has_structure & np.isfinite(phases.energies))
    rows = phases.rows[wanted]
    not_converged: dict[str, str] = {}
    if energies.relaxation is None:
        values[wanted], reasons[wanted] = energies_as_given(energies.model, data, rows, progress)
    else:
        frames = [frame for frame in data.frames(rows) if frame is not None]
        device = resolve_device(energies.model.device)
        with compute_settings(energies.model.threads, device):
            model = load_model(energies.model.name, device)
            relaxed = relax(model, frames, energies.relaxation, progress=progress)
        for place, one in zip(wanted, relaxed, strict=True):
            values[place], reasons[place] = one.energy, one.reason
            if one.state == "not converged":
                not_converged[str(phases.ids[place])] = one.reason
    reasons = np.array([reason.rstrip(".") for reason in reasons], dtype=object)
    return phases.with_energies(values, source, reasons=reasons), not_converged


def energies_as_given(
    model: SourceModel, data: FrameSet | PairSet, rows: np.ndarray, progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    """Return a model's energies of structures as they are, and why some have none.

    Args:
        model: the model.
        data: frames or pairs.
        rows: (m,) rows of it.
        progress: receives the share that is done.

    Returns:
        Energies (m,) eV/atom, NaN where there is none, and the reasons, (m,) strings.
    """
    interaction = interaction_energies(data, model, rows=rows, progress=part(progress, 0.0, 0.9))
    atomref = atomref_of(model.name)
    reasons = np.full(len(rows), "", dtype=object)
    without = np.flatnonzero(np.isnan(interaction))
    if len(without):
        frames = data.frames(rows[without])
        left_out = load_examples(data, rows[without]).left_out
        reasons[without] = [left_out.get(frame.frame_id, "") if frame else "" for frame in frames]
    return interaction + data.fractions()[rows] @ atomref, reasons


def _elements(references: str | pd.DataFrame, phases: Phases) -> ElementReferences:
    functional = phases.source.functional
    if isinstance(references, str) and references == OWN:
        return own_elements(functional)
    return references_of(references, phases.fractions, phases.energies, functional)


def own_elements(functional: str) -> ElementReferences:
    """Return that each source's elements are its own; the energies themselves are NaN."""
    return ElementReferences(
        kind="own",
        functional=functional,
        energies=np.full(N_ELEMENTS, np.nan),
        origin="each source's own elements of lowest energy",
    )
