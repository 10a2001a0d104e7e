"""Study: which materials of a pool to compute next, and how well data cover the elements."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from core.acquisition.coverage import (
    ByComposition,
    ByDisagreement,
    ByFeatures,
    Criterion,
    chemistry_coverage,
    choose,
    element_coverage,
)
from core.acquisition.expected_gain import ByExpectedGain
from core.acquisition.materials import Materials, candidates, training_materials
from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.registry import find_dataset, open_dataset
from core.frames.store import FrameSet
from core.progress import Progress, part
from core.runs.record.listing import find_run
from core.runs.record.named_models import checkpoint_of
from core.scaling.cost import Cost
from core.studies.study import Study, model_inputs

By = Literal["composition", "features", "disagreement", "uncertainty", "balanced"]

_SECONDS = 1.0
_SECONDS_PER_CANDIDATE = 2e-4
_SECONDS_PER_STRUCTURE = 0.005
_SECONDS_PER_UNCERTAINTY = 0.05
_MOST_UNCERTAINTIES = 2000
_TEST_SHARE = 0.1
"""Share of a data set's materials in its test part."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class NextMaterials:
    """Materials to compute next, in this order, and how well the data set covers the elements.

    Attributes:
        rows: rows of the pool, (n,).
        materials: columns material_id, formula, n_atoms, reason and the scores of the criteria that
            were used: composition (increase of the coverage), distance (in crystal features),
            disagreement_mev_per_atom (standard deviation over the runs), gain (expected decrease
            of the mean variance of the candidates, (meV/atom)² per relative cost).
        elements: columns symbol, materials (of the data set), candidates, error_mev_per_atom (MAE
            of the runs' energies, NaN where unknown) and test_frames; the worst covered first.
        chemistries: columns chemistry, materials and candidates, the worst covered first.
        n_training: number of materials to learn from.
        n_candidates: number of materials that could be added.
        n_judged: number of candidates that were judged.
        n_known: number of the pool's materials already in the data set.
        n_too_large: number of the pool's materials with too many atoms.
        n_without_structure: number of the pool's materials without a structure.
    """

    rows: NDArray[np.int64]
    materials: dict[str, list[Any]]
    elements: dict[str, list[Any]]
    chemistries: dict[str, list[Any]]
    n_training: int
    n_candidates: int
    n_judged: int
    n_known: int
    n_too_large: int
    n_without_structure: int

    def table(self, cost: Cost | None = None) -> pd.DataFrame:
        """Return `materials`, with a column core_hours where a cost is given."""
        table = pd.DataFrame(self.materials)
        return table if cost is None else table.assign(core_hours=cost.hours_each(table["n_atoms"]))

    def element_table(self) -> pd.DataFrame:
        """Return `elements` as a table."""
        return pd.DataFrame(self.elements)

    def chemistry_table(self) -> pd.DataFrame:
        """Return `chemistries` as a table."""
        return pd.DataFrame(self.chemistries)


class NextStudy(Study):
    """Materials to compute next.

    Attributes:
        dataset: data set to extend: the training part of frames, all of pairs.
        pool: data set with structures, the source of candidates.
        n: number of materials to choose.
        by: criterion: "composition", "features" (of a network), "disagreement" (of runs),
            "uncertainty" (expected gain by the posterior of a run in closed form, per cost), or
            "balanced": all of the others that are available.
        model: model whose crystal features are used.
        runs: runs on the data set that differ in their seed, for errors and disagreement.
        cubic: whether a calculation costs as the cube of its atoms; otherwise all cost alike.
        most_atoms: maximum number of atoms in a candidate's cell.
        most: maximum number of candidates, and of training materials, that a network evaluates.
        seed: seed of those samples.
    """

    kind: ClassVar[str] = "next"
    result: ClassVar[type] = NextMaterials

    dataset: str
    pool: str
    n: int = Field(default=50, ge=1, le=10_000)
    by: By = "composition"
    model: str = "chgnet-0.3.0"
    runs: tuple[str, ...] = ()
    cubic: bool = False
    most_atoms: int = Field(default=60, ge=1)
    most: int = Field(default=6000, ge=10)
    seed: int = 0

    @property
    def datasets(self) -> list[str]:
        """The data set and the pool."""
        return [self.dataset, self.pool]

    def inputs(self) -> list[str]:
        """Return what identifies the contents of the data sets and the models.

        Raises:
            LabError: if runs are missing, or were trained on other data.
        """
        self._check_runs()
        models = [*([self.model] if self._with_features else []), *self.runs]
        return [*super().inputs(), *(stamp for name in models for stamp in model_inputs(name))]

    def seconds(self) -> float:
        """Return the approximate time where no features and energies are cached."""
        data, pool = (find_dataset(name).card for name in self.datasets)
        judged = min(pool.n_materials, self.most)
        evaluated = len(self.runs) * _TEST_SHARE * data.n
        if self._with_features:
            evaluated += min(data.n_materials, self.most) + judged
        if self._with_disagreement:
            evaluated += len(self.runs) * judged
        seconds = _SECONDS + _SECONDS_PER_CANDIDATE * pool.n + _SECONDS_PER_STRUCTURE * evaluated
        if self.by == "uncertainty":
            seconds += _SECONDS_PER_UNCERTAINTY * min(judged, _MOST_UNCERTAINTIES)
        return seconds

    def compute(self, progress: Progress) -> NextMaterials:
        """Return the materials.

        Args:
            progress: receives the share that is done.

        Raises:
            LabError: if no candidate is left, the runs do not fit, or there is no such model.
        """
        self._check_runs()
        data, source = open_dataset(self.dataset), open_dataset(self.pool)
        training = training_materials(data)
        pool = candidates(source, data, most_atoms=self.most_atoms)
        judged = pool.candidates
        if self._with_features or self._with_disagreement:
            judged = judged.sample(self.most, seed=self.seed)
        if self.by == "uncertainty":
            judged = judged.sample(min(self.most, _MOST_UNCERTAINTIES), seed=self.seed)
        criteria: dict[str, Criterion] = {}
        if self.by in {"composition", "balanced"}:
            criteria["composition"] = ByComposition(training.fractions, judged.fractions)
        if self._with_features:
            criteria["distance"] = self._by_features(training, judged, part(progress, 0.0, 0.6))
        if self._with_disagreement:
            spread = self._energies(judged, part(progress, 0.6, 0.9)).std(axis=0, ddof=1)
            criteria["disagreement_mev_per_atom"] = ByDisagreement(1000 * spread, len(self.runs))
        if self.by == "uncertainty":
            criteria["gain"] = self._by_gain(judged, part(progress, 0.0, 0.9))
        errors = self._errors(data, part(progress, 0.9, 0.98))
        progress(0.98, "Choosing")
        selection = choose(criteria, self.n)
        rows = judged.rows[selection.rows]
        covered = (training.fractions, pool.candidates.fractions)
        elements = (
            element_coverage(*covered)
            .merge(errors, on="symbol", how="left")
            .fillna({"test_frames": 0})
        )
        return NextMaterials(
            rows=rows,
            materials={
                "material_id": judged.ids[selection.rows].tolist(),
                "formula": judged.formulas[selection.rows].tolist(),
                "n_atoms": [len(frame) for frame in source.frames(rows) if frame is not None],
                "reason": selection.reasons,
                **{name: gains.tolist() for name, gains in selection.gains.items()},
            },
            elements=_columns(elements.astype({"test_frames": int})),
            chemistries=_columns(chemistry_coverage(*covered)),
            n_training=len(training.rows),
            n_candidates=len(pool.candidates.rows),
            n_judged=len(judged.rows),
            n_known=pool.n_known,
            n_too_large=pool.n_too_large,
            n_without_structure=pool.n_without_structure,
        )

    def describe_candidates(self, result: NextMaterials) -> str:
        """Return which materials of the pool were judged and which were left out, in words."""
        return (
            f"{result.n_judged:,} of {result.n_candidates:,} materials of {self.pool}; left out: "
            f"{result.n_known:,} already in {self.dataset}, {result.n_too_large:,} with more than "
            f"{self.most_atoms} atoms, {result.n_without_structure:,} without a structure"
        )

    @property
    def _with_features(self) -> bool:
        return self.by in {"features", "balanced"}

    @property
    def _with_disagreement(self) -> bool:
        return self.by == "disagreement" or (self.by == "balanced" and len(self.runs) > 1)

    def _check_runs(self) -> None:
        if self.by == "disagreement" and len(self.runs) < 2:
            raise LabError(
                "Choosing by disagreement needs at least two runs that differ in their seed; name "
                "them, or choose by composition or features."
            )
        if self.by == "uncertainty" and not self.runs:
            raise LabError(
                "Choosing by uncertainty needs a run of the method linearised on the data set; "
                "name one, or choose by composition or features."
            )
        for run in self.runs:
            trained_on = find_run(run).config.dataset
            if trained_on != self.dataset:
                raise LabError(
                    f"{run}: was trained on {trained_on}; name runs that were trained on "
                    f"{self.dataset}."
                )

    def _by_features(
        self, training: Materials, judged: Materials, progress: Progress
    ) -> ByFeatures:
        # Pages that only offer the study do not wait for PyTorch.
        from core.transfer.features import features_of  # noqa: PLC0415

        training = training.sample(self.most, seed=self.seed)
        training_progress = part(progress, 0.0, 0.4, prefix="Materials of the data set: ")
        new = part(progress, 0.4, 1.0, prefix="Candidates: ")
        model = checkpoint_of(self.model)
        return ByFeatures(
            features_of(training.data, model, training.rows, progress=training_progress),
            features_of(judged.data, model, judged.rows, progress=new),
            training_names=training.formulas.tolist(),
            candidate_names=judged.formulas.tolist(),
        )

    def _by_gain(self, judged: Materials, progress: Progress) -> ByExpectedGain:
        from core.acquisition.ensemble import energy_changes  # noqa: PLC0415  imports PyTorch

        changes, noise = energy_changes(judged, checkpoint_of(self.runs[0]), progress=progress)
        atoms = np.asarray(judged.data.n_atoms()[judged.rows], dtype=float)
        costs = atoms**3 if self.cubic else np.ones(len(atoms))
        return ByExpectedGain(changes, noise=noise, costs=costs, seed=self.seed)

    def _energies(self, materials: Materials, progress: Progress) -> NDArray[np.float64]:
        from core.acquisition.ensemble import ensemble_energies  # noqa: PLC0415  imports PyTorch

        models = [checkpoint_of(run) for run in self.runs]
        return ensemble_energies(materials, models, progress=progress)

    def _errors(self, data: FrameSet | PairSet, progress: Progress) -> pd.DataFrame:
        """Return the runs' errors by element on the test frames, as far as there are any."""
        if not self.runs or not isinstance(data, FrameSet):
            columns = {"symbol": str, "error_mev_per_atom": float, "test_frames": int}
            return pd.DataFrame(columns=list(columns)).astype(columns)
        from core.acquisition.ensemble import errors_by_element  # noqa: PLC0415  imports PyTorch

        test = Materials(data=data, rows=data.split().test)
        labels = data.energies()[test.rows]
        return errors_by_element(test.fractions, self._energies(test, progress), labels)


def _columns(table: pd.DataFrame) -> dict[str, list[Any]]:
    return {str(name): values for name, values in table.to_dict("list").items()}
