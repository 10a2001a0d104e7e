"""The preview of a run: errors before training, with each method's references."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import streamlit as st

from core.boxed import ask
from core.elements import SYMBOLS
from core.errors import LabError
from core.frames.provenance import Provenance, origin
from core.frames.schema import Card
from core.runs.results.comparison import method_label
from core.studies.job.directory import Job
from core.studies.job.local import compute_for_another
from core.studies.models.preflight import preflight_studies, run_checks, run_findings
from core.studies.study import Study
from core.training.loop import apart
from core.training.loop.method_preview import (
    Preflight,
    offset_errors,
    untrained_errors,
    warnings,
)
from core.training.settings.config import RunConfig
from pages.parts.shared.datasets import key_of
from pages.parts.shared.page import conditioned, errors_shown, plain
from pages.parts.shared.waterfall import show_waterfall

REFRESH = "1s"
MOST_KEPT = 256


def computed_apart(study: Study) -> Any:
    """Return a study's result from a process that computes it: this one does not import PyTorch."""
    return ask(compute_for_another, study)


def estimated_seconds(config: RunConfig) -> float | None:
    """Return the estimated duration of a run, timed in the same way."""
    return ask(apart.estimated_seconds, config)


class Previews:
    """Answers what pages ask of runs before their start, one after another in the background.

    The page asks again until a result is there, so that its controls stay responsive.
    """

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="preflight")
        self._results: dict[tuple[str, str, bool], Future[Any]] = {}
        self._lock = threading.Lock()

    def ask(
        self, questions: Sequence[Study | RunConfig], data: str, *, timed: bool = False
    ) -> list[Future[Any]]:
        """Return the result of each question, or the promise of one.

        Args:
            questions: studies; what waits for other settings is cancelled.
            data: tells the data set from another one with the same name.
            timed: the questions are settings of runs, for the seconds that these will take.

        Raises:
            LabError: if there is no such data set or model.
        """
        keys = [(question.model_dump_json(), data, timed) for question in questions]
        with self._lock:
            for key, future in list(self._results.items()):
                if key in keys or key[2] != timed:
                    continue
                if future.cancel() or len(self._results) > MOST_KEPT:
                    del self._results[key]
            for key, question in zip(keys, questions, strict=True):
                if key not in self._results:
                    self._results[key] = self._begun(question)
            return [self._results[key] for key in keys]

    def _begun(self, question: Study | RunConfig) -> Future[Any]:
        if not isinstance(question, Study):
            return self._worker.submit(estimated_seconds, question)
        job = Job.of(question)
        # What is damaged is computed again.
        with suppress(LabError):
            if job.is_done:
                known: Future[Any] = Future()
                known.set_result(job.result())
                return known
        return self._worker.submit(computed_apart, question)


@st.cache_resource(show_spinner=False)
def previews() -> Previews:
    """Return the previews that all readers share."""
    return Previews()


def show_preview(config: RunConfig, card: Card) -> None:
    """Show the error of the untrained model, with this method's AtomRef and with the others'."""
    st.subheader("Before training", anchor=False)
    waiting = not all(map(is_ready, _answers(config, card)))
    st.fragment(_panel, run_every=REFRESH if waiting else None)(config, card, waiting=waiting)


def _answers(config: RunConfig, card: Card) -> list[Future[Any]]:
    """Return the preflight of each method, that of the run's method first, then the checks."""
    # One thread leaves the machine to a run that trains.
    config = config.model_copy(update={"threads": 1})
    studies = [*preflight_studies(config).values(), *run_checks(config).values()]
    return previews().ask(studies, key_of(card))


def _panel(config: RunConfig, card: Card, *, waiting: bool) -> None:
    with errors_shown():
        answers = _answers(config, card)
        if waiting and all(map(is_ready, answers)):
            st.rerun()
        if waiting:
            n_ready = sum(map(is_ready, answers))
            st.progress(n_ready / len(answers), "Predicting some frames of the data set …")
        results = [answer.result() if is_ready(answer) else None for answer in answers]
        methods, checks = preflight_studies(config), run_checks(config)
        preflights = dict(zip(methods, results, strict=False))
        preflight_of_method = preflights[config.method]
        checked = zip(checks, results[len(methods) :], strict=True)
        diagnoses = {name: found for name, found in checked if found is not None}
        for finding in run_findings(config, diagnoses):
            if finding.severity != "info":
                st.warning(plain(finding.text), icon=":material/straighten:")
        left, right = st.columns([2, 3], gap="large")
        with left:
            _show_numbers(config, preflight_of_method)
        with right:
            _show_table(config.method, preflights)
            if preflight_of_method is not None:
                st.caption(
                    plain(
                        f"Untrained models on {preflight_of_method.n_probed:,} validation frames "
                        f"of {card.name}, total energy in {card.functional}. "
                        f"Labels: {origin(card.labels)}."
                    )
                )
        _show_offset(preflights, config, card)
        if preflight_of_method is not None:
            _show_warnings(config, preflight_of_method)


def _show_offset(preflights: dict[str, Preflight | None], config: RunConfig, card: Card) -> None:
    """Show how far references alone correct the pretrained model."""
    errors, before = offset_errors(preflights), preflights["frozen"]
    if errors is None or before is None:
        return
    st.markdown("**How much of the error is an offset?**")
    show_waterfall(
        errors,
        unit="meV/atom",
        name="preflight-offset",
        caption=f"{plain(config.source_model)} before training, which has to learn what references "
        "cannot remove. The Model offset page shows the error by element and chemistry.",
        source=Provenance(
            data=card.name,
            labels={card.labels},
            details=f"{before.n_probed:,} validation frames, {card.functional}.",
        ),
    )


def is_ready(answer: Future[Any]) -> bool:
    """Return whether there is a result."""
    # The settings of another reader may have sent this preflight back to the queue.
    return answer.done() and not answer.cancelled()


def _show_numbers(config: RunConfig, result: Preflight | None) -> None:
    error = result and result.energy_mae_mev_per_atom
    st.metric(
        "Energy MAE before training",
        "…" if result is None else "–" if error is None else f"{error:,.0f} meV/atom",
        border=True,
        help=f"The untrained model with the AtomRef of: {method_label(config.method)}.",
    )
    if result is not None and result.store_bytes is not None:
        st.caption(
            f"The graphs of the data set take about {result.store_bytes / 1e9:,.1f} GB on the "
            "disk. They are converted once, by all cores, and serve every run on it."
        )
    if result is not None:
        present = len(SYMBOLS) - len(result.atomref.unseen)
        st.caption(
            f"Rank {result.atomref.rank} of {present} elements, "
            f"condition number {conditioned(result.atomref.condition)}",
            help="Independent compositions among the training frames, compared with the elements "
            "in them: if the rank is lower, least squares cannot separate some references. The "
            "condition number bounds how much errors in the energies are amplified.",
        )


def _show_table(chosen: str, preflights: dict[str, Preflight | None]) -> None:
    table = untrained_errors(preflights)
    table.insert(0, "chosen", ["▶" if method == chosen else "" for method in table["method"]])
    st.dataframe(
        table.assign(method=[method_label(method) for method in table["method"]]),
        key="untrained",
        hide_index=True,
        column_config={
            "chosen": st.column_config.TextColumn("", width=30),
            "method": st.column_config.TextColumn("Method", width=250),
            "error": st.column_config.ProgressColumn(
                "Energy MAE, meV/atom",
                format="%,.0f",
                min_value=0,
                max_value=max((error for error in table["error"].dropna() if error), default=1),
            ),
        },
    )


def _show_warnings(config: RunConfig, result: Preflight) -> None:
    for text in warnings(config, result):
        st.caption(f":material/warning: {plain(text)}")
    if result.rare:
        with st.expander(f"Elements in few training frames: {len(result.rare)}"):
            st.markdown(", ".join(result.rare))
