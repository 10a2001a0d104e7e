"""A real Slurm of two nodes on this machine, in a folder of its own and without systemd.

    python -m tests.cluster.slurm up FOLDER      prints what to export to use it
    python -m tests.cluster.slurm down FOLDER

It needs the Debian packages in PACKAGES, and root, who alone may start jobs as somebody.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil

PACKAGES = ("slurm-wlm", "munge", "slurmdbd", "mariadb-server-core")
PROGRAMS = ("slurmctld", "slurmd", "slurmdbd", "sbatch", "munged", "mariadbd")

CONTROLLER = """\
ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort={controller_port}
AuthType=auth/munge
# Credentials of a job live so long; a job that is requeued waits for their end.
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MailProg=/bin/true
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0,bf_interval=1,requeue_setup_env_fail
ReturnToService=2
KillWait=2
MinJobAge=4
OverTimeLimit=0
GresTypes=gpu
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={accounting_port}
AccountingStoragePass={folder}/munge.socket
AccountingStorageTRES=gres/gpu
JobAcctGatherType=jobacct_gather/none
NodeName=DEFAULT CPUs={cpus} RealMemory={memory} Gres=gpu:2
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={first_port}
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={second_port}
PartitionName=short Nodes=n1,n2 Default=YES MaxTime=60 State=UP
"""

# Devices that stand for GPUs: jobs get their numbers, nothing opens them.
GPUS = """\
NodeName=n[1-2] Name=gpu File=/dev/null
NodeName=n[1-2] Name=gpu File=/dev/zero
"""

ACCOUNTING = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={accounting_port}
SlurmUser=root
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database_port}
StorageUser=root
StorageLoc=slurm
"""


def missing() -> str:
    """Return why no Slurm can be started here; empty if it can."""
    lacking = [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]
    if lacking:
        return f"needs {', '.join(lacking)}: apt-get install {' '.join(PACKAGES)}"
    return "" if os.geteuid() == 0 else "needs root, who may start jobs as somebody"


def up(folder: Path) -> dict[str, str]:
    """Start everything; return the variables with which commands find it.

    Raises:
        RuntimeError: if something does not start; what has started is ended.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    try:
        return _start(folder.absolute())
    except BaseException:
        down(folder)
        raise


def down(folder: Path) -> None:
    """End all that was started in a folder."""
    started = []
    for file in folder.absolute().glob("*.started"):
        pid, began = file.read_text().split()
        try:
            process = psutil.Process(int(pid))
            if abs(process.create_time() - float(began)) < 1:
                # Steps of jobs are processes of their own.
                started += [*process.children(recursive=True), process]
        except psutil.NoSuchProcess:
            continue
    _end(started)
    # Steps of jobs leave their daemon, and start others until it is gone.
    _end([one for one in psutil.process_iter() if _is_of(one, folder)])
    for file in folder.absolute().glob("*.started"):
        file.unlink()


def _start(folder: Path) -> dict[str, str]:
    names = ("controller_port", "accounting_port", "database_port", "first_port", "second_port")
    values = {
        "folder": folder,
        "host": socket.gethostname().partition(".")[0],
        "cpus": os.cpu_count() or 1,
        "memory": 2048,
        **dict(zip(names, _free_ports(len(names)), strict=True)),
    }
    files = {"slurm.conf": CONTROLLER, "slurmdbd.conf": ACCOUNTING, "gres.conf": GPUS}
    for name, text in files.items():
        (folder / name).write_text(text.format(**values))
        (folder / name).chmod(0o600 if name == "slurmdbd.conf" else 0o644)
    for name in ("state", "spool-n1", "spool-n2", "database"):
        (folder / name).mkdir(exist_ok=True)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    variables = {
        "SLURM_CONF": str(folder / "slurm.conf"),
        "SLURMDBD_CONF": str(folder / "slurmdbd.conf"),
    }
    start = Starter(folder, _environment() | variables)
    start(
        "munged",
        "--foreground",
        "--force",
        "--num-threads=2",
        f"--socket={folder}/munge.socket",
        f"--key-file={key}",
        f"--pid-file={folder}/munge.pid",
        f"--seed-file={folder}/munge.seed",
        f"--log-file={folder}/munge.log",
    )
    database = [
        "--no-defaults",
        "--user=root",
        f"--datadir={folder}/database",
        "--skip-grant-tables",
        "--innodb-buffer-pool-size=16M",
        "--innodb-log-file-size=8M",
        "--performance-schema=OFF",
        "--innodb-flush-log-at-trx-commit=0",
    ]
    subprocess.run(
        [shutil.which("mariadbd", path=_path()), *database, "--bootstrap"],
        env=_environment(),
        input=_first_tables(),
        capture_output=True,
        check=True,
    )
    start(
        "mariadbd",
        *database,
        "--bind-address=127.0.0.1",
        f"--port={values['database_port']}",
        f"--socket={folder}/database.socket",
        f"--pid-file={folder}/database.pid",
        "--skip-name-resolve",
    )
    start.wait_for("the database", lambda: _listens(values["database_port"]))
    start.wait_for("munge", (folder / "munge.socket").exists)
    start("slurmdbd", "-D")
    start.wait_for("accounting", lambda: _listens(values["accounting_port"]))
    start("slurmctld", "-D", "-i")
    for node in ("n1", "n2"):
        start("slurmd", "-D", "-N", node)
    start.wait_for(
        "both nodes", lambda: start.answer("sinfo", "-h", "-N", "-o", "%T").split() == ["idle"] * 2
    )
    return variables


class Starter:
    """Starts daemons in a folder, and waits for them.

    Args:
        folder: what they write goes there.
        environment: theirs.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __call__(self, *command: str) -> None:
        """Start one, and remember it for `down`."""
        name = f"{len(self._processes)}-{command[0]}"
        with (self._folder / f"{name}.out").open("wb") as out:
            process = subprocess.Popen(
                command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        began = psutil.Process(process.pid).create_time()
        (self._folder / f"{name}.started").write_text(f"{process.pid} {began}")
        self._processes[name] = process

    def answer(self, *command: str) -> str:
        """Return what a command prints."""
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=False
        )
        return done.stdout

    def wait_for(self, what: str, there: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait until something is there.

        Raises:
            RuntimeError: if it is not in time, or a daemon has ended.
        """
        deadline = time.monotonic() + seconds
        while not there():
            ended = [name for name, one in self._processes.items() if one.poll() is not None]
            if ended or time.monotonic() > deadline:
                logs = "\n".join((self._folder / f"{name}.out").read_text() for name in ended)
                raise RuntimeError(f"{what}: not there; ended: {ended}\n{logs[-2000:]}")
            time.sleep(0.05)


def _first_tables() -> bytes:
    """Return the statements that make a new database server's own tables, and Slurm's database."""
    share = Path("/usr/share/mysql")
    parts = ("system_tables", "performance_tables", "system_tables_data")
    scripts = [(share / f"mysql_{part}.sql").read_bytes() for part in parts]
    return (
        b"create database mysql;\nuse mysql;\n"
        + b"\n".join(scripts)
        + b"\ncreate database slurm;\n"
    )


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def _environment() -> dict[str, str]:
    """Return the environment of the daemons: jobs get theirs from whoever submits them."""
    return {"PATH": _path(), "HOME": os.environ.get("HOME", "/root"), "LANG": "C.UTF-8"}


def _free_ports(n: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _is_of(process: psutil.Process, folder: Path) -> bool:
    # psutil reads no further than the title that slurmstepd writes over its variables.
    try:
        variables = Path(f"/proc/{process.pid}/environ").read_bytes()
    except OSError:
        return False
    mine = f"SLURM_CONF={folder.absolute() / 'slurm.conf'}\0".encode()
    return mine in variables and process.pid != os.getpid()


def _end(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(processes, timeout=5)[1]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=5)


def main(words: list[str]) -> int:
    """Bring a cluster up or take it down; return the exit status."""
    match words:
        case ["up", folder]:
            if why := missing():
                sys.stderr.write(f"{why}\n")
                return 2
            sys.stdout.writelines(
                f"export {key}={value}\n" for key, value in up(Path(folder)).items()
            )
        case ["down", folder]:
            down(Path(folder))
        case _:
            sys.stderr.write(__doc__ or "")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
