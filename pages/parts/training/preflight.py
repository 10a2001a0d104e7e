"""What a method's references will do, told before a run is launched."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pandas as pd
import streamlit as st

from core.elements import SYMBOLS
from core.frames.provenance import Provenance, origin
from core.frames.schema import Card
from core.progress import duration_text
from core.runs.results.comparison import method_label
from core.training.loop.preflight import Preflight, preflight
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS
from pages.parts.shared.datasets import key_of
from pages.parts.shared.page import conditioned, errors_shown, plain
from pages.parts.shared.waterfall import show_waterfall

REFRESH = "1s"
MOST_KEPT = 256
DEFAULT_RATE = RunConfig(dataset="any").learning_rate


class Previews:
    """Looks at run settings one after another in the background, and keeps what was found.

    The page asks again until an answer is there, so that its controls stay quick.
    """

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="preflight")
        self._known: dict[tuple[str, str], Future[Preflight]] = {}
        self._lock = threading.Lock()

    def ask(self, wanted: list[RunConfig], data: str) -> list[Future[Preflight]]:
        """Return an answer, or the promise of one, for each of the settings, in this order.

        Args:
            wanted: Run settings; work on others that has not begun is given up.
            data: What tells the data set from another of its name.
        """
        keys = [(config.to_json(), data) for config in wanted]
        with self._lock:
            for key, future in list(self._known.items()):
                if key not in keys and (future.cancel() or len(self._known) > MOST_KEPT):
                    del self._known[key]
            for key, config in zip(keys, wanted, strict=True):
                if key not in self._known:
                    self._known[key] = self._worker.submit(preflight, config)
            return [self._known[key] for key in keys]


@st.cache_resource(show_spinner=False)
def previews() -> Previews:
    """Return the one that all readers share."""
    return Previews()


def show_preview(config: RunConfig, card: Card) -> None:
    """Show how far off the untrained model is, with this method's AtomRef and with the others'."""
    st.subheader("What the references will do", anchor=False)
    # One thread leaves the machine to a run that trains; the time is taken with the run's own.
    plainest = RunConfig(**config.model_dump(include=_MATTERS), threads=1)
    order = sorted(METHODS, key=lambda method: method != config.method)
    looks = [plainest.model_copy(update={"method": method}) for method in order]
    timed = config.model_copy(update=_UNTIMED)
    waiting = not all(map(_is_ready, previews().ask([*looks, timed], key_of(card))))
    st.fragment(_panel, run_every=REFRESH if waiting else None)(looks, timed, card, waiting=waiting)


_UNTIMED = {"name": "", "learning_rate": DEFAULT_RATE}
"""Settings that the estimate of time does not depend on."""

_MATTERS = {"dataset", "source_model", "frames", "seed", "device", "ridge_strength"}
"""Settings that an AtomRef, and the error of the untrained model with it, depend on."""


def _panel(looks: list[RunConfig], timed: RunConfig, card: Card, *, waiting: bool) -> None:
    answers = previews().ask([*looks, timed], key_of(card))
    if waiting and all(map(_is_ready, answers)):
        st.rerun()
    with errors_shown():
        *found, whole = [one.result() if _is_ready(one) else None for one in answers]
        known = dict(zip((look.method for look in looks), found, strict=True))
        first = known[timed.method]
        left, right = st.columns([2, 3], gap="large")
        with left:
            _numbers(timed, first, whole)
        with right:
            _table(timed.method, known)
            if first is None:
                st.caption("The first look at a data set predicts some of its frames: one moment.")
            else:
                st.caption(
                    plain(
                        f"Untrained models on {first.n_probed:,} validation frames of {card.name}, "
                        f"total energy in {card.functional}. Labels: {origin(card.labels)}."
                    )
                )
        _only_offset(known, timed, card)
        if whole is not None:
            _warnings(whole)


def _only_offset(known: dict[str, Preflight | None], config: RunConfig, card: Card) -> None:
    """Show how far references alone bring the pretrained model, once all looks are there."""
    before, refit, residual = (known[key] for key in ("frozen", "refit", "residual"))
    if before is None or refit is None or residual is None:
        return
    errors = {
        "as_is": before.energy_mae_mev_per_atom,
        "constant": before.energy_mae_after_constant,
        "atomref": refit.energy_mae_mev_per_atom,
        "residual": residual.energy_mae_mev_per_atom,
    }
    if not all(errors.values()):
        return
    st.markdown("**How much of the error is only an offset?**")
    show_waterfall(
        {key: error or 0.0 for key, error in errors.items()},
        unit="meV/atom",
        name="preflight-offset",
        caption=f"{plain(config.source_model)} before any training; what references cannot take "
        "away is for training to learn. The Model offset page shows it by element and chemistry.",
        source=Provenance(
            data=card.name,
            labels={card.labels},
            details=f"{before.n_probed:,} validation frames, {card.functional}.",
        ),
    )


def _is_ready(answer: Future[Preflight]) -> bool:
    # Another reader's settings may have sent this question back to the queue.
    return answer.done() and not answer.cancelled()


def _numbers(config: RunConfig, found: Preflight | None, whole: Preflight | None) -> None:
    error = found and found.energy_mae_mev_per_atom
    st.metric(
        "Energy MAE before training",
        "…" if found is None else "–" if error is None else f"{error:,.0f} meV/atom",
        border=True,
        help=f"The untrained model with the AtomRef of: {method_label(config.method)}.",
    )
    seconds = whole and whole.seconds
    st.metric(
        "Training will take about",
        "…" if whole is None else duration_text(seconds) if seconds else "–",
        border=True,
        help="A rough estimate for this machine, as busy as it is now, without any wait. A long "
        "run compiles its training step, and is faster.",
    )
    if found is not None:
        present = len(SYMBOLS) - len(found.atomref.unseen)
        st.caption(
            f"Rank {found.atomref.rank} of {present} elements, "
            f"condition number {conditioned(found.atomref.condition)}",
            help="Independent compositions among the training frames, against the elements in "
            "them: where the rank falls short, least squares cannot tell some references apart. "
            "The condition number says how much an error in the energies can grow.",
        )


def _table(chosen: str, known: dict[str, Preflight | None]) -> None:
    found = [known[method] for method in METHODS]
    errors = [one.energy_mae_mev_per_atom if one else None for one in found]
    st.dataframe(
        pd.DataFrame(
            {
                "chosen": ["▶" if method == chosen else "" for method in METHODS],
                "method": [method_label(method) for method in METHODS],
                "error": pd.array(errors, dtype="Float64"),
            }
        ),
        key="untrained",
        hide_index=True,
        column_config={
            "chosen": st.column_config.TextColumn("", width=30),
            "method": st.column_config.TextColumn("Method", width=250),
            "error": st.column_config.ProgressColumn(
                "Energy MAE before training, meV/atom",
                format="%,.0f",
                min_value=0,
                max_value=max((error for error in errors if error), default=1),
            ),
        },
    )


def _warnings(found: Preflight) -> None:
    for text in found.warnings:
        st.caption(f":material/warning: {plain(text)}")
    if found.rare:
        with st.expander(f"Elements in few training frames: {len(found.rare)}"):
            st.markdown(", ".join(found.rare))
