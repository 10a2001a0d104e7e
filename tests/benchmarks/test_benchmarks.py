"""Every benchmark runs and answers with one line of JSON; how fast, no test asks."""

import importlib
import json
import runpy
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from chgnet.data.dataset import StructureData
from chgnet.model import CHGNet
from pymatgen.core import Structure

from core.potential.compiled import TrainingStep
from tests.shallow_network import shallow_network

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SCRIPTS = sorted(path.stem for path in BENCHMARKS.glob("*.py") if "CONTEST" in path.read_text())
# What core.potential answers for; nobody else reads the other keys.
CONTRACT = {
    "name",
    "ratio",
    "ours",
    "stock",
    "peak_memory_ours_mb",
    "peak_memory_stock_mb",
    "threads",
    "device",
}

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def harness(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield SimpleNamespace(
        contest=importlib.import_module("harness.contest"),
        team=importlib.import_module("harness.team"),
        worker=importlib.import_module("harness.worker"),
        workload=importlib.import_module("harness.workload"),
    )
    StructureData.__getitem__.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "harness"]:
        del sys.modules[name]


@pytest.fixture
def shallow(monkeypatch):
    """Both sides have a network of two levels; a training step is captured in other tests."""
    monkeypatch.setattr(TrainingStep, "compile", lambda *_: True)
    monkeypatch.setattr(CHGNet, "load", lambda **_: shallow_network(2))
    monkeypatch.setattr("core.potential.models.load_model", lambda *_: shallow_network(2))


@pytest.mark.parametrize("name", SCRIPTS)
def test_prints_one_line_with_the_keys_of_the_contract(
    harness, monkeypatch, tmp_path, capsys, request, name
):
    if name in {"training_step", "data_parallel", "inference", "relaxation"}:
        request.getfixturevalue("shallow")
    contest = runpy.run_path(str(BENCHMARKS / f"{name}.py"))["CONTEST"]
    started = []

    def in_this_process(script, words, *_, **__):
        started.append((Path(script).stem, words))
        work = harness.worker.Work(
            frames=harness.workload.make_frames(4, largest=8),
            batch_size=2,
            device=torch.device("cpu"),
            threads=1,
            folder=tmp_path,
            small=True,
        )
        return nullcontext(contest.worker(work, words[-1]))

    if name == "relaxation":
        # Inference is captured in other tests.
        monkeypatch.setattr("core.potential.compiled_prediction.compile_inference", lambda *_: True)
    # Inductor would take minutes, and no number is read here.
    monkeypatch.setattr("core.potential.compiled._by_inductor", lambda graph, _: graph)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(harness.contest, "RemoteWorker", in_this_process)
    monkeypatch.setattr(harness.contest, "RemoteTeam", in_this_process)
    words = ["--small", "--device", "cpu"]
    contest.main(words)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    line = json.loads(out)
    assert set(line) >= CONTRACT
    assert line["name"] == name
    assert (line["threads"], line["device"], line["n_structures"]) == (1, "cpu", 4)
    assert min(line["ratio"], line["ours"], line["stock"]) > 0
    arms = ["stock", *line["arms"]]
    assert started == [(name, [*words, "--only", arm]) for arm in arms]
    for ours in line["arms"].values():
        _assert_same_work(name, ours)


def _assert_same_work(name, ours):
    """Both sides did the same: within what single precision leaves."""
    if name == "graph_conversion":
        assert ours["n_equal_graphs"] == 4
    elif name == "inference":
        assert ours["energy_difference"] < 1e-5
        assert ours["force_difference"] < 1e-3
    elif name == "data_parallel":
        assert ours["energy_mae_difference"] < 1e-5
    elif name == "relaxation":
        assert ours["share_within_1_mev_per_atom"] == 1
        assert ours["share_lattice_within_1_percent"] == 1
    elif name == "training_step":
        assert ours["loss_difference"] < 1e-5
    else:
        theirs, mine = ours["validation_energy_mae"]
        assert mine == pytest.approx(theirs, rel=1e-4)


@pytest.mark.parametrize("name", ["import_json", "store"])
def test_readers_of_json_print_one_line(harness, capsys, name):
    del harness
    script = runpy.run_path(str(BENCHMARKS / f"{name}.py"))
    script["main"](script["__file__"], script["READERS"], ["--small"], megabytes=1)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    line = json.loads(out)
    assert set(line) >= CONTRACT
    assert line["name"] == name
    # A material of eleven frames at least, read by all arms.
    assert line["frames"] % 11 == 0 < line["frames"]
    assert min(line["ratio"], line["ours"], line["stock"]) > 0


def test_generated_files_are_what_other_readers_take_for_mptrj(harness, tmp_path):
    del harness
    write = importlib.import_module("harness.mptrj_file").write_mptrj_file
    path = tmp_path / "mptrj.json"
    n = write(path, 100_000)
    materials = json.loads(path.read_text())
    frames = [frame for frames in materials.values() for frame in frames.values()]
    assert len(frames) == n
    for frame in frames[::7]:
        structure = Structure.from_dict(frame["structure"])
        assert len(structure) == len(frame["force"])
        assert frame["energy_per_atom"] * len(structure) == pytest.approx(
            frame["corrected_total_energy"]
        )
        distances = structure.lattice.get_cartesian_coords(structure.frac_coords)
        np.testing.assert_allclose(
            distances, [site["xyz"] for site in frame["structure"]["sites"]], atol=1e-7
        )


def test_interval_coverage_prints_one_line(capsys):
    main = runpy.run_path(str(BENCHMARKS / "interval_coverage.py"))["main"]
    main(["--sweeps", "2", "--floor-sweeps", "1"])
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    line = json.loads(out)
    assert line["name"] == "interval_coverage"
    shares = [share for kinds in line["coverage"].values() for share in kinds.values()]
    assert len(shares) == 13
    assert all(0 <= value <= 1 for share in shares for value in share)


def test_hulls_print_one_line_and_agree(capsys):
    main = runpy.run_path(str(BENCHMARKS / "hulls.py"))["main"]
    main(["--small"])
    line = json.loads(capsys.readouterr().out)
    assert set(line) >= CONTRACT
    assert line["largest_difference"] < 1e-9


def test_a_worker_that_does_not_start_says_why(harness, tmp_path, capfd):
    script = tmp_path / "script.py"
    script.write_text("import sys; sys.exit(f'no arm called {sys.argv[2]}')")
    with pytest.raises(SystemExit, match="ended early"):
        harness.worker.RemoteWorker(str(script), ["--only", "nothing"])
    assert "no arm called nothing" in capfd.readouterr().err
    contest = runpy.run_path(str(BENCHMARKS / "graph_conversion.py"))["CONTEST"]
    with pytest.raises(SystemExit):
        contest.main(["--only", "nothing"])
    assert "invalid choice: 'nothing'" in capfd.readouterr().err


WORKER = f"""
import sys
sys.path[:0] = {[str(BENCHMARKS), str(BENCHMARKS.parent)]}
from harness.team import here
from harness.worker import Worker, torch
pieces = [lambda: here().rank, lambda: sum(range(10**5))]
Worker(pieces, torch.device("cpu"), tell=float).serve(sys.stdin, sys.stdout)
"""


def test_workers_are_processes_that_work_at_the_same_time(harness, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(WORKER)
    with harness.team.RemoteTeam(str(script), [], 2, joint=True) as team:
        assert team.n_pieces() == 2
        assert team.turn(0).told == [0, 1]
        turn = team.turn(1)
        assert len(set(turn.told)) == 1
        assert min(turn.wall, turn.cpu) > 0
        # Each has torch in it.
        assert team.peak_memory_mb() > 100
    assert (harness.team.here().rank, harness.team.here().size) == (0, 1)


def test_a_turn_takes_as_long_as_its_workers_need(harness):
    walls = iter([1.0, 3.0, 1.0, 3.0])
    worker = SimpleNamespace(
        turn=lambda _: harness.worker.Turn(wall=next(walls), cpu=1.0, told=0), peak_memory_mb=None
    )
    for joint, wall in ((True, 3.0), (False, 1.5)):
        team = object.__new__(harness.team.RemoteTeam)
        team._joint, team._each = joint, lambda ask: [ask(worker), ask(worker)]
        # apart: two pieces at 1/1 + 1/3 pieces a second
        assert team.turn(0).wall == wall


def test_an_interrupted_run_goes_on_behind_its_last_turn(harness, tmp_path):
    taken, path = [], tmp_path / "turns.jsonl"
    contest, turn = harness.contest, harness.worker.Turn

    def run(words, ends_at=None):
        def take(arm, place):
            if len(taken) == ends_at:
                raise KeyboardInterrupt
            taken.append((arm, place))
            return turn(wall=len(taken), cpu=1.0, told=[place])

        workers = {
            arm: SimpleNamespace(
                n_pieces=lambda: 2,
                turn=lambda place, arm=arm: take(arm, place),
                peak_memory_mb=lambda: 100.0 - len(taken),
            )
            for arm in ("stock", "ours")
        }
        kept = contest.KeptTurns(path, contest._without(words, "--keep"))
        turns = contest._in_turns(workers, 1, warm_up=False, kept=kept)
        return turns, kept.peak_memory_mb("stock")

    with pytest.raises(KeyboardInterrupt):
        run(["--small", "--keep", "a"], ends_at=3)
    path.write_text(path.read_text() + '{"of": ["ou')  # killed while it wrote
    turns, peak = run(["--keep=b", "--small"])
    assert taken == [("stock", 0), ("ours", 0), ("stock", 1), ("ours", 1)]
    assert [[one.wall for one in turns[arm][1]] for arm in turns] == [[1, 3], [2, 4]]
    assert peak == 99.0
    with pytest.raises(SystemExit, match="other options"):
        run(["--structures", "9"])


def test_the_structures_follow_the_recipe(harness):
    make_frames = harness.workload.make_frames
    frames = make_frames(64)
    sizes = [len(frame) for frame in frames]
    assert min(sizes) == 1
    assert 60 < max(sizes) <= 96
    assert 25 < np.mean(sizes) < 35
    assert len({frame.frame_id for frame in frames}) == 64
    for one, other in zip(frames, make_frames(8), strict=False):
        np.testing.assert_array_equal(one.frac_coords, other.frac_coords)
    structures = harness.workload.structures_of(frames[:8])
    for frame, structure in zip(frames, structures, strict=False):
        assert structure.volume == pytest.approx(abs(np.linalg.det(frame.lattice)))
        assert len(structure) == 1 or structure.distance_matrix[0, 1] > 0.8


def test_a_repeated_cell_keeps_its_density(harness):
    lattice = np.diag([3.0, 6.0, 9.0])
    np.testing.assert_array_equal(harness.workload._repeats(lattice, 6), [3, 2, 1])
    np.testing.assert_array_equal(harness.workload._repeats(lattice, 1), [1, 1, 1])
