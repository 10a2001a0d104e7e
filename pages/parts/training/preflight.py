"""The preview of a run: errors before training, with each method's references."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import streamlit as st

from core.boxed import ask
from core.elements import SYMBOLS
from core.frames.provenance import Provenance, origin
from core.frames.schema import Card
from core.runs.results.comparison import method_label
from core.training.loop import apart
from core.training.loop.method_preview import (
    Preflight,
    offset_errors,
    preview_configs,
    untrained_errors,
    warnings,
)
from core.training.settings.config import RunConfig
from pages.parts.shared.datasets import key_of
from pages.parts.shared.page import conditioned, errors_shown, plain
from pages.parts.shared.waterfall import show_waterfall

REFRESH = "1s"
MOST_KEPT = 256


def preflight(config: RunConfig) -> Preflight:
    """Return the preflight of a run, for which this process does not import PyTorch."""
    return ask(apart.preflight, config)


def estimated_seconds(config: RunConfig) -> float | None:
    """Return the estimated duration of a run, computed in the same way."""
    return ask(apart.estimated_seconds, config)


class Previews:
    """Runs preflights one after another in the background, and keeps their results.

    The page asks again until a result is there, so that its controls stay responsive.
    """

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="preflight")
        self._results: dict[tuple[str, str, bool], Future[Any]] = {}
        self._lock = threading.Lock()

    def ask(
        self, configs: Sequence[RunConfig], data: str, *, timed: bool = False
    ) -> list[Future[Any]]:
        """Return the preflight of each run, or the promise of one.

        Args:
            configs: run settings; what waits for other settings is cancelled.
            data: tells the data set from another one with the same name.
            timed: return the seconds that the runs will take instead.
        """
        work: Callable[[RunConfig], Any] = estimated_seconds if timed else preflight
        keys = [(config.to_json(), data, timed) for config in configs]
        with self._lock:
            for key, future in list(self._results.items()):
                if key in keys or key[2] != timed:
                    continue
                if future.cancel() or len(self._results) > MOST_KEPT:
                    del self._results[key]
            for key, config in zip(keys, configs, strict=True):
                if key not in self._results:
                    self._results[key] = self._worker.submit(work, config)
            return [self._results[key] for key in keys]


@st.cache_resource(show_spinner=False)
def previews() -> Previews:
    """Return the previews that all readers share."""
    return Previews()


def show_preview(config: RunConfig, card: Card) -> None:
    """Show the error of the untrained model, with this method's AtomRef and with the others'."""
    st.subheader("Before training", anchor=False)
    configs = preview_configs(config)
    waiting = not all(map(is_ready, previews().ask(list(configs.values()), key_of(card))))
    st.fragment(_panel, run_every=REFRESH if waiting else None)(
        configs, config, card, waiting=waiting
    )


def _panel(configs: dict[str, RunConfig], config: RunConfig, card: Card, *, waiting: bool) -> None:
    answers = previews().ask(list(configs.values()), key_of(card))
    if waiting and all(map(is_ready, answers)):
        st.rerun()
    with errors_shown():
        if waiting:
            n_ready = sum(map(is_ready, answers))
            st.progress(n_ready / len(answers), "Predicting some frames of the data set …")
        results = [answer.result() if is_ready(answer) else None for answer in answers]
        preflights = dict(zip(configs, results, strict=True))
        preflight_of_method = preflights[config.method]
        for finding in preflight_of_method.findings if preflight_of_method else ():
            if finding.severity == "info":
                continue
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
            f"The graphs of the data set will take about {result.store_bytes / 1e9:,.1f} GB on the "
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
