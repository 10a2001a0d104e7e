"""Colour arithmetic: which text is readable on which colour, and colours to see through."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from plotly.colors import hex_to_rgb

BLACK: Final = "#000000"
WHITE: Final = "#FFFFFF"


def to_rgb(color: str) -> NDArray[np.float64]:
    """Return red, green and blue, each 0 to 1, of a colour written as #RRGGBB.

    Args:
        color: seven characters, as in the palettes of `core.figures.base.theme`.
    """
    return np.array(hex_to_rgb(color)) / 255


def luminance(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the relative luminance of colours, 0 for black to 1 for white.

    Source: WCAG 2.2, definition of relative luminance, https://www.w3.org/TR/WCAG22/.

    Args:
        rgb: (..., 3), each channel 0 to 1 in sRGB.

    Returns:
        (...), the luminance of each colour.
    """
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]))


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two #RRGGBB colours, from 1 (equal) to 21 (black on white).

    Source: WCAG 2.2, definition of contrast ratio.
    """
    dark, light = sorted(float(luminance(to_rgb(color))) for color in (first, second))
    return (light + 0.05) / (dark + 0.05)


def sample(scale: Sequence[str], positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the colours of an evenly spaced colour scale, as plotly.js draws them.

    Args:
        scale: #RRGGBB colours from the low end to the high end.
        positions: (n,) places on the scale; anything outside 0 to 1 takes the end's colour.

    Returns:
        (n, 3) red, green and blue, each 0 to 1.
    """
    stops = np.array([to_rgb(color) for color in scale])
    places = np.linspace(0.0, 1.0, len(stops))
    return np.stack([np.interp(positions, places, stops[:, k]) for k in range(3)], axis=-1)


def css(rgb: NDArray[np.float64]) -> list[str]:
    """Return colours as #RRGGBB.

    Args:
        rgb: (n, 3), each channel 0 to 1.
    """
    return [
        f"#{red:02X}{green:02X}{blue:02X}" for red, green, blue in np.rint(255 * rgb).astype(int)
    ]


def text_on(rgb: NDArray[np.float64]) -> list[str]:
    """Return black or white for each background, whichever contrasts more.

    The better of the two always reaches a contrast ratio of 4.5.

    Args:
        rgb: (n, 3) backgrounds, each channel 0 to 1.
    """
    light = luminance(rgb)
    # Equal contrast with black and white: (L + 0.05) / 0.05 = 1.05 / (L + 0.05).
    threshold = np.sqrt(1.05 * 0.05) - 0.05
    return [BLACK if value > threshold else WHITE for value in np.atleast_1d(light)]


def faint(color: str, opacity: float) -> str:
    """Return a colour #RRGGBB as one that lets what is behind it show.

    Args:
        color: #RRGGBB.
        opacity: from 0 to 1.
    """
    red, green, blue = hex_to_rgb(color)
    return f"rgba({red},{green},{blue},{opacity:g})"
