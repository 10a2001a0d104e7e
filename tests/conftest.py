"""How tests are shared out among processes: by module, those of the browser together.

The browser's tests share a server, its caches and the pages that stay open.
"""

import gc

import pytest
from hypothesis import HealthCheck, settings

_BROWSER = "tests/browser/"

# How long inputs take says something about a busy machine, and nothing about the lab. The fixtures
# that property tests share among their inputs hold nothing that these change.
settings.register_profile(
    "lab",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("lab")

# What is collected stays to the end. Looking at it for garbage took an eighth of all time.
gc.disable()


def pytest_collection_finish():
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - absent without the plugin

    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return _BROWSER if nodeid.startswith(_BROWSER) else super()._split_scope(nodeid)

    return ByModule(config, log) if config.getvalue("dist") == "loadscope" else None
