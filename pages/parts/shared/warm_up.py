"""What the server does before its first reader comes, who would wait for it on every page."""

import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from pkgutil import walk_packages

from streamlit.starlette import App

from core.errors import LabError
from core.figures.base.periodic import periodic_table
from core.frames.registry import list_datasets, open_dataset
from core.home import home
from pages import parts


@asynccontextmanager
async def libraries_loaded(app: App) -> AsyncIterator[None]:  # noqa: ARG001
    """Import what pages are made of, and read the embedded data.

    Raises:
        SystemExit: if the lab has no home.
    """
    try:
        home()
    except LabError as error:
        raise SystemExit(f"error: {error}") from None
    import_parts()
    for info in list_datasets():
        # A page says what is wrong with a damaged one.
        with suppress(LabError):
            if info.embedded:
                open_dataset(info.card.name).fractions()
    # plotly imports its classes, and Streamlit looks through all modules, at the first use.
    periodic_table({"H": 0.0}, title="", unit="", diverging=False, dark=False)
    inspect.stack()
    yield


def import_parts() -> None:
    """Import all modules of `pages.parts`; none of them imports torch."""
    for module in walk_packages(parts.__path__, f"{parts.__name__}."):
        import_module(module.name)
