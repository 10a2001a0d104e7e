"""What the server does before its first reader comes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pkgutil import walk_packages

from streamlit.starlette import App

from pages import parts


@asynccontextmanager
async def libraries_loaded(app: App) -> AsyncIterator[None]:  # noqa: ARG001
    """Import what pages are made of, for which the first reader of each page would wait."""
    import_parts()
    yield


def import_parts() -> None:
    """Import all modules of `pages.parts`; none of them imports torch."""
    for module in walk_packages(parts.__path__, f"{parts.__name__}."):
        import_module(module.name)
