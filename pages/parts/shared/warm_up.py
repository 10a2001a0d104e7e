"""What the server does before its first reader comes, who would wait for it on every page."""

import gc
import inspect
import logging
import runpy
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from threading import Thread

from streamlit import runtime
from streamlit.starlette import App

import pages
from core.boxed import ask
from core.errors import LabError
from core.figures.base.periodic import periodic_table
from core.frames.registry import list_datasets, open_dataset
from core.home import home
from core.process import usable_cores
from core.training.loop.apart import prepare
from pages import parts

_COSTLY = (
    *("overview", "lesson", "energy_shifts", "atomref", "importance", "formation", "offset"),
    *("scaling", "stability", "compare"),
)
_FIRST_READER_S = 4.0
"""Within these seconds the first reader's page is there."""
_MANY_MODULES = 200
_aside = {"n_modules": 0}


@asynccontextmanager
async def libraries_loaded(app: App) -> AsyncIterator[None]:  # noqa: ARG001
    """Import what pages are made of, read the embedded data and draw pages, a second in all.

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
    with _without_reader():
        draw_pages()
    set_libraries_aside()
    Thread(target=_prepare_estimates, daemon=True).start()
    yield


def _prepare_estimates() -> None:
    """Let a process import PyTorch once the first reader needs no second core."""
    time.sleep(_FIRST_READER_S)
    if usable_cores() > 1:
        with suppress(LabError):
            ask(prepare)


def draw_pages() -> None:
    """Run the pages that compute most without a reader, who then finds their figures in the caches.

    The light theme is that of most readers; what cannot be drawn tells so to its first reader.
    """
    for name in _COSTLY:
        with suppress(Exception):
            runpy.run_path(str(Path(pages.__path__[0]) / f"{name}.py"))


@contextmanager
def _without_reader() -> Iterator[None]:
    """Keep Streamlit from warning at every element that no reader sees."""
    places = ("scriptrunner_utils.script_run_context", "state.session_state_proxy")
    loggers = [logging.getLogger(f"streamlit.runtime.{place}") for place in places]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger in loggers:
            logger.disabled = False


def import_parts() -> None:
    """Import all modules of `pages.parts`; none of them imports torch."""
    for module in walk_packages(parts.__path__, f"{parts.__name__}."):
        import_module(module.name)


def set_libraries_aside() -> None:
    """Take the objects of libraries out of garbage collection, whenever many have been imported.

    Streamlit collects garbage after every run of a page and of a fragment, and would look at each
    of them: 0.27 s of processor time once torch is there.
    """
    # In a test, a page finds a substitute for the server.
    if not (runtime.exists() and type(runtime.get_instance()) is runtime.Runtime):
        return
    n_modules = len(sys.modules)
    if n_modules > _aside["n_modules"] + _MANY_MODULES:
        _aside["n_modules"] = n_modules
        gc.collect()
        gc.freeze()
