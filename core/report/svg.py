"""Figures of a report as SVG, drawn by plotly.js in the machine's own Chrome or Chromium."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from core.errors import LabError
from core.report.document import Figure

WIDTH = 1000
"""Width of a figure in pixels; its height is its own."""


def drawn(figures: Sequence[Figure]) -> dict[str, bytes]:
    """Return figures as SVG by their names; the browser is asked once for all.

    Args:
        figures: the figures.

    Raises:
        LabError: if kaleido or a browser is missing, or the browser fails.
    """
    if not figures:
        return {}
    try:
        # Takes half a second, and an installation of an older version lacks it.
        import kaleido  # noqa: PLC0415
        from choreographer.errors import ChromeNotFoundError  # noqa: PLC0415
    except ImportError:
        raise LabError(
            "Figures are not there as SVG, which needs kaleido; run: pip install kaleido. Until "
            "then report.html saves each one with the camera above it."
        ) from None
    with TemporaryDirectory() as folder:
        paths = {
            figure.name: Path(folder, f"{number}.svg") for number, figure in enumerate(figures)
        }
        options = {"format": "svg", "width": WIDTH}
        try:
            kaleido.write_fig_from_object_sync(
                [
                    {"fig": figure.figure, "path": paths[figure.name], "opts": options}
                    for figure in figures
                ],
                # Formulas would be drawn by a script of another host.
                kopts={"mathjax": False},
            )
        except ChromeNotFoundError:
            raise LabError(
                "Figures are not there as SVG, which needs Chrome or Chromium on the machine of "
                "the lab. Until then report.html saves each one with the camera above it."
            ) from None
        return {name: path.read_bytes() for name, path in paths.items()}
