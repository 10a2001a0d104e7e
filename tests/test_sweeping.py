"""What killed processes leave behind is removed once nothing can be finishing it."""

import os
import time

from core.home import home
from core.sweeping import DAY, UPLOADS_DAYS, sweep

LEFT = [
    "datasets/.x.123-0a1b2c3d.partial/frames-00000.arrow",
    "datasets/.x.0a1b2c3d.deleted/card.json",
    "runs/.new-20261120-0712-residual-x7k2-0a1b2c3d/config.json",
    "runs/.deleted-20261120-0712-residual-x7k2-0a1b2c3d/config.json",
    "runs/20261120-0712-residual-x7k2/.status.json-ab_d3fgh",
    "runs/20261120-0712-residual-x7k2/checkpoints/.last.pt-ab_d3fgh",
    "sweeps/.20261120-0712-ab12.json-ab_d3fgh",
    "cache/studies/importance-0a1b/.status.json-ab_d3fgh",
]
KEPT = [
    "datasets/x/card.json",
    "runs/20261120-0712-residual-x7k2/status.json",
    "runs/20261120-0712-residual-x7k2/.lock",
    "sweeps/20261120-0712-ab12.json",
    "cache/graphs/0a1b.lock",
]


def make(name):
    path = home() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")


def names():
    return {str(path.relative_to(home())) for path in home().rglob("*") if path.is_file()}


def test_only_what_is_old_and_unfinished_is_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    for name in (*LEFT, *KEPT):
        make(name)
    assert sweep() == []
    assert len(sweep(time.time() + DAY + 60)) == len(LEFT)
    assert names() == {*KEPT}


def test_uploads_are_removed_by_age_and_then_by_size(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    now = time.time()
    for name, hours in {"old": 24 * UPLOADS_DAYS + 1, "large": 30, "new": 2, "now": 0}.items():
        make(f"cache/uploads/{name}/x.csv")
        for path in (home() / f"cache/uploads/{name}/x.csv", home() / f"cache/uploads/{name}"):
            os.utime(path, (now - 3600 * hours,) * 2)
    sweep(now)
    assert names() == {f"cache/uploads/{name}/x.csv" for name in ("large", "new", "now")}
    monkeypatch.setattr("core.sweeping.UPLOADS_BYTES", 1)
    sweep(now)
    assert names() == {"cache/uploads/now/x.csv"}
