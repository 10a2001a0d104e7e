"""Study: which materials of a pool to compute next, and how well data cover the elements."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from core.acquisition.coverage import (
    ByComposition,
    ByDisagreement,
    ByFeatures,
    Chosen,
    Criterion,
    chemistry_coverage,
    choose,
    element_coverage,
)
from core.acquisition.materials import Materials, Pool, candidates, materials_there
from core.elements import SYMBOLS
from core.errors import LabError
from core.frames.registry import find_dataset, open_dataset
from core.frames.store import FrameSet
from core.progress import Progress, part
from core.runs.record.listing import find_run
from core.runs.record.named_models import checkpoint_of
from core.studies.study import Study, model_inputs

By = Literal["composition", "features", "disagreement", "balanced"]

_SECONDS = 1.0
_SECONDS_A_CANDIDATE = 2e-4
_SECONDS_A_STRUCTURE = 0.005
_HELD_OUT = 0.1
"""Share of a data set's materials that its test part has."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Next:
    """What to compute next, in this order, and how well what is there covers the elements.

    Attributes:
        rows: rows of the pool, (n,).
        material_ids: theirs, (n,).
        formulas: theirs, (n,).
        n_atoms: of their cells, (n,).
        reasons: why each was chosen, n.
        composition: what each added to the coverage of compositions, (n,); NaN where not asked.
        distance: from what was there in crystal features, (n,); NaN where not asked.
        disagreement: standard deviation over the runs, (n,) meV/atom; NaN where not asked.
        elements: symbols, the worst covered one first, k.
        elements_there: materials with each, (k,).
        elements_pool: candidates with each, (k,).
        elements_error: energy MAE of the runs on test frames with each, (k,) meV/atom; NaN where
            not known.
        elements_frames: how many test frames that is, (k,).
        chemistries: names, the worst covered one first.
        chemistries_there: materials of each.
        chemistries_pool: candidates of each.
        n_there: materials to learn from.
        n_candidates: materials that could be added.
        n_looked_at: those of them that were judged.
        n_known: materials of the pool that the data set has already.
        n_too_large: materials of the pool with too many atoms.
        n_without_structure: materials of the pool without a structure.
    """

    rows: NDArray[np.int64]
    material_ids: NDArray[np.str_]
    formulas: NDArray[np.str_]
    n_atoms: NDArray[np.int64]
    reasons: list[str]
    composition: NDArray[np.float64]
    distance: NDArray[np.float64]
    disagreement: NDArray[np.float64]
    elements: list[str]
    elements_there: NDArray[np.int64]
    elements_pool: NDArray[np.int64]
    elements_error: NDArray[np.float64]
    elements_frames: NDArray[np.int64]
    chemistries: list[str]
    chemistries_there: list[int]
    chemistries_pool: list[int]
    n_there: int
    n_candidates: int
    n_looked_at: int
    n_known: int
    n_too_large: int
    n_without_structure: int

    def table(self) -> pd.DataFrame:
        """Return material_id, formula, n_atoms, reason and the scores that were asked for."""
        scores = {
            "composition": self.composition,
            "distance": self.distance,
            "disagreement_mev_per_atom": self.disagreement,
        }
        return pd.DataFrame(
            {
                "material_id": self.material_ids,
                "formula": self.formulas,
                "n_atoms": self.n_atoms,
                "reason": self.reasons,
                **{name: values for name, values in scores.items() if np.isfinite(values).any()},
            }
        )

    def element_table(self) -> pd.DataFrame:
        """Return symbol, materials, candidates, error_mev_per_atom and test_frames."""
        return pd.DataFrame(
            {
                "symbol": self.elements,
                "materials": self.elements_there,
                "candidates": self.elements_pool,
                "error_mev_per_atom": self.elements_error,
                "test_frames": self.elements_frames,
            }
        )

    def chemistry_table(self) -> pd.DataFrame:
        """Return chemistry, materials and candidates."""
        return pd.DataFrame(
            {
                "chemistry": self.chemistries,
                "materials": self.chemistries_there,
                "candidates": self.chemistries_pool,
            }
        )


class NextStudy(Study):
    """Materials to compute next.

    Attributes:
        dataset: what there is: the training part of frames, all of pairs.
        pool: where candidates come from: a data set with structures.
        n: materials to choose.
        by: "composition", "features" (of a network), "disagreement" (of runs), or "balanced": all
            that can be had.
        model: whose crystal features.
        runs: runs on the data set that differ in their seed, for errors and disagreement.
        most_atoms: in a candidate's cell.
        most: materials that a network looks at, at most, of candidates and of what is there.
        seed: of those samples.
    """

    kind: ClassVar[str] = "next"
    result: ClassVar[type] = Next

    dataset: str
    pool: str
    n: int = Field(default=50, ge=1, le=10_000)
    by: By = "composition"
    model: str = "chgnet-0.3.0"
    runs: tuple[str, ...] = ()
    most_atoms: int = Field(default=60, ge=1)
    most: int = Field(default=6000, ge=10)
    seed: int = 0

    @property
    def datasets(self) -> list[str]:
        """The data set and the pool."""
        return [self.dataset, self.pool]

    def inputs(self) -> list[str]:
        """Return what tells the data and the models from others of the same name.

        Raises:
            LabError: runs are missing, or were trained on other data.
        """
        self._check_runs()
        models = [*([self.model] if self._with_features else []), *self.runs]
        return [*super().inputs(), *(told for name in models for told in model_inputs(name))]

    def seconds(self) -> float:
        """Return roughly how long it takes where no feature and no energy is known yet."""
        data, pool = (find_dataset(name).card for name in self.datasets)
        judged = min(pool.n_materials, self.most)
        looked_at = len(self.runs) * _HELD_OUT * data.n
        if self._with_features:
            looked_at += min(data.n_materials, self.most) + judged
        if self._with_disagreement:
            looked_at += len(self.runs) * judged
        return _SECONDS + _SECONDS_A_CANDIDATE * pool.n + _SECONDS_A_STRUCTURE * looked_at

    def compute(self, progress: Progress) -> Next:
        """Return the choice.

        Args:
            progress: told the share that is done.

        Raises:
            LabError: no candidate is left, the runs do not fit, or no such model.
        """
        self._check_runs()
        data, source = open_dataset(self.dataset), open_dataset(self.pool)
        there = materials_there(data)
        pool = candidates(source, data, most_atoms=self.most_atoms)
        judged = pool.candidates
        if self._with_features or self._with_disagreement:
            judged = judged.sample(self.most, seed=self.seed)
        criteria: dict[str, Criterion] = {}
        if self.by in {"composition", "balanced"}:
            criteria["composition"] = ByComposition(there.fractions, judged.fractions)
        if self._with_features:
            criteria["distance"] = self._by_features(there, judged, part(progress, 0.0, 0.6))
        if self._with_disagreement:
            spread = self._energies(judged, part(progress, 0.6, 0.9)).std(axis=0, ddof=1)
            criteria["disagreement"] = ByDisagreement(1000 * spread, len(self.runs))
        errors = self._errors(data, part(progress, 0.9, 0.98))
        progress(0.98, "Choosing")
        return _told(choose(criteria, self.n), judged, there, pool, errors)

    @property
    def _with_features(self) -> bool:
        return self.by in {"features", "balanced"}

    @property
    def _with_disagreement(self) -> bool:
        return self.by == "disagreement" or (self.by == "balanced" and len(self.runs) > 1)

    def _check_runs(self) -> None:
        if self.by == "disagreement" and len(self.runs) < 2:
            raise LabError(
                "To choose by disagreement takes at least two runs that differ in their seed; name "
                "them, or choose by composition or features."
            )
        for run in self.runs:
            trained_on = find_run(run).config.dataset
            if trained_on != self.dataset:
                raise LabError(
                    f"{run}: was trained on {trained_on}; name runs that were trained on "
                    f"{self.dataset}."
                )

    def _by_features(self, there: Materials, judged: Materials, progress: Progress) -> ByFeatures:
        # A page that only offers the study does without PyTorch.
        from core.acquisition.features import features_of  # noqa: PLC0415

        there = there.sample(self.most, seed=self.seed)
        model = checkpoint_of(self.model)
        return ByFeatures(
            features_of(
                there.data,
                model,
                there.rows,
                progress=part(progress, 0.0, 0.4, prefix="Materials of the data set: "),
            ),
            features_of(
                judged.data,
                model,
                judged.rows,
                progress=part(progress, 0.4, 1.0, prefix="Candidates: "),
            ),
            there_names=there.formulas.tolist(),
            candidate_names=judged.formulas.tolist(),
        )

    def _energies(self, some: Materials, progress: Progress) -> NDArray[np.float64]:
        from core.acquisition.ensemble import ensemble_energies  # noqa: PLC0415  the same

        models = [checkpoint_of(run) for run in self.runs]
        return ensemble_energies(some.data, some.fractions, models, some.rows, progress=progress)

    def _errors(self, data: object, progress: Progress) -> pd.DataFrame | None:
        """Return the runs' errors by element on the test frames; None without runs."""
        from core.acquisition.ensemble import errors_by_element  # noqa: PLC0415  the same

        if not self.runs or not isinstance(data, FrameSet):
            return None
        test = Materials(data=data, rows=data.split().test)
        labels = data.energies()[test.rows]
        return errors_by_element(test.fractions, self._energies(test, progress), labels)


def _told(
    chosen: Chosen, judged: Materials, there: Materials, pool: Pool, errors: pd.DataFrame | None
) -> Next:
    rows = judged.rows[chosen.rows]
    sizes = dict(zip(pool.candidates.rows.tolist(), pool.n_atoms.tolist(), strict=True))
    unknown = np.full(len(rows), np.nan)
    elements = element_coverage(there.fractions, pool.candidates.fractions)
    kinds = chemistry_coverage(there.fractions, pool.candidates.fractions)
    if errors is None:
        errors = pd.DataFrame({"symbol": SYMBOLS, "error_mev_per_atom": np.nan, "test_frames": 0})
    errors = errors.set_index("symbol").loc[elements["symbol"]]
    return Next(
        rows=rows,
        material_ids=judged.ids[chosen.rows],
        formulas=judged.formulas[chosen.rows],
        n_atoms=np.array([sizes[row] for row in rows.tolist()], dtype=np.int64),
        reasons=chosen.reasons,
        composition=chosen.gains.get("composition", unknown),
        distance=chosen.gains.get("distance", unknown),
        disagreement=chosen.gains.get("disagreement", unknown),
        elements=elements["symbol"].tolist(),
        elements_there=elements["materials"].to_numpy(),
        elements_pool=elements["candidates"].to_numpy(),
        elements_error=errors["error_mev_per_atom"].to_numpy(dtype=float),
        elements_frames=errors["test_frames"].to_numpy(dtype=np.int64),
        chemistries=kinds["chemistry"].tolist(),
        chemistries_there=kinds["materials"].tolist(),
        chemistries_pool=kinds["candidates"].tolist(),
        n_there=len(there.rows),
        n_candidates=len(pool.candidates.rows),
        n_looked_at=len(judged.rows),
        n_known=pool.n_known,
        n_too_large=pool.n_too_large,
        n_without_structure=pool.n_without_structure,
    )
