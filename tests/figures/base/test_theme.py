import tomllib
from pathlib import Path

import pytest

from core.figures.base.color import contrast, faint, to_rgb
from core.figures.base.theme import (
    DARK,
    LIGHT,
    METHOD_COLORS,
    empty_figure,
    figure_config,
    method_color,
    palette,
    template,
)
from core.training.settings.methods import METHODS

CONFIG = tomllib.loads(
    (Path(__file__).parents[3] / ".streamlit" / "config.toml").read_text(encoding="utf-8")
)


def mixed(color, background, share):
    """Return a colour that lets a background show through."""
    rgb = share * to_rgb(color) + (1 - share) * to_rgb(background)
    return "#" + "".join(f"{round(255 * part):02X}" for part in rgb)


def font_sizes(node):
    """Yield every font size set anywhere in a figure or template."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in {"font", "tickfont", "textfont"} and "size" in value:
                yield value["size"]
            yield from font_sizes(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from font_sizes(value)


@pytest.mark.parametrize(("name", "colors"), [("light", LIGHT), ("dark", DARK)])
def test_pages_and_figures_share_their_colours(name, colors):
    page = CONFIG["theme"][name]
    assert page["backgroundColor"] == colors.background
    assert page["secondaryBackgroundColor"] == colors.surface
    assert page["textColor"] == colors.text
    assert tuple(page["chartCategoricalColors"]) == colors.groups


@pytest.mark.parametrize(("name", "colors"), [("light", LIGHT), ("dark", DARK)])
def test_text_is_readable(name, colors):
    page = CONFIG["theme"][name]
    sidebar = page["sidebar"]
    for background in (colors.background, colors.surface, *sidebar.values()):
        for text in (colors.text, colors.muted, colors.accent, page["linkColor"]):
            assert contrast(text, background) >= 4.5
    # Captions are drawn at 60 % over the background.
    for text in (colors.text, page["linkColor"]):
        assert contrast(mixed(text, colors.background, 0.6), colors.background) >= 4.5
    primary = page["primaryColor"]
    assert contrast("#FFFFFF", primary) >= 4.5
    # Selected options have their text on a tint of the primary colour.
    assert contrast(colors.accent, mixed(primary, colors.background, 0.15)) >= 4.5
    for graphic in (colors.source, colors.target, *colors.groups):
        assert contrast(graphic, colors.background) >= 3


def test_contrast_against_published_pairs():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.005)
    assert contrast("#FFFFFF", "#767676") == pytest.approx(4.54, abs=0.005)


def test_server_stays_private():
    assert CONFIG["server"]["address"] == "localhost"
    assert CONFIG["server"]["headless"] is True
    assert CONFIG["server"]["maxUploadSize"] >= 2000
    assert CONFIG["browser"]["gatherUsageStats"] is False
    assert "http" not in CONFIG["theme"]["font"]
    assert "fontFaces" not in CONFIG["theme"]


def test_every_method_has_its_own_colour():
    assert list(METHOD_COLORS) == list(METHODS)
    assert len({*METHOD_COLORS.values(), method_color("the paper")}) == 8


@pytest.mark.parametrize("dark", [False, True])
def test_template_fonts_and_background(dark):
    layout = template(dark=dark).layout.to_plotly_json()
    sizes = list(font_sizes(layout))
    assert len(sizes) >= 6
    assert min(sizes) >= 13
    assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == palette(dark=dark).background


@pytest.mark.parametrize("image_format", ["svg", "png"])
def test_figure_config(image_format):
    config = figure_config("Mean shift / eV <r²>", image_format=image_format)
    options = config["toImageButtonOptions"]
    assert options["format"] == image_format
    assert options["filename"] == "Mean-shift-eV-r"
    assert config["displaylogo"] is False
    assert config["showSendToCloud"] is False
    assert figure_config("../..")["toImageButtonOptions"]["filename"] == "figure"


def test_empty_figure_says_why():
    figure = empty_figure("No data yet", dark=True, height=200)
    assert figure.layout.annotations[0].text == "No data yet"
    assert figure.layout.height == 200
    assert not figure.data


def test_a_faint_colour_is_the_same_colour():
    assert faint("#0072B2", 0.25) == "rgba(0,114,178,0.25)"
