"""What the views of the Scaling page call laws and methods, and where their errors come from."""

from datetime import datetime

from core.progress import duration_text
from core.runs.results.comparison import method_label
from core.scaling.analysis import TABLE, ScalingAnalysis
from core.scaling.form_choice import FormOption
from core.scaling.law import Form
from pages.parts.shared.datasets import CORRECTIONS, MODEL_LABELLED, origin
from pages.parts.shared.page import plain

FORMS: dict[FormOption, str] = {
    "power": "Power law",
    "offset": "With a floor",
    "auto": "Chosen by held-out sizes",
}
FORM_TEXT: dict[Form, str] = {"power": "a·N⁻ᵇ", "offset": "a·N⁻ᵇ + c"}


def name_of(method: str) -> str:
    """Return the name of a method, or of a table of points."""
    return "Your points" if method == TABLE else method_label(method)


def source_of(analysis: ScalingAnalysis) -> str:
    """Return where the errors come from, ready for a caption."""
    if analysis.results is None:
        (points,) = analysis.points.values()
        return plain(f"Data: {analysis.name}, {len(points.error):,} points.")
    about = analysis.results.about
    frames = about.n_test if analysis.split == "test" else about.n_validation
    data, sweep = about.data, about.sweep
    date = datetime.fromtimestamp(sweep.created).strftime("%Y-%m-%d")
    duration = "" if about.seconds is None else f", in {duration_text(about.seconds)}"
    return plain(
        f"Data: {data.name}, {data.functional}, {CORRECTIONS[data.corrections]}; {frames:,} "
        f"{analysis.split} frames of other materials. Labels: {origin(data.labels)}. Pretrained "
        f"model: {sweep.base.source_model}. Trained {date} on {sweep.machine}{duration}."
    )


def labels_of(analysis: ScalingAnalysis) -> str:
    """Return the data and the origin of the labels in few words, for exported figures."""
    if analysis.results is None:
        return f"Data: {analysis.name}"
    about = analysis.results.about
    labels = f"{about.data.labels}: {MODEL_LABELLED}" if about.is_model_labelled else "DFT"
    return f"Data: {about.data.name}. Labels: {labels}"
