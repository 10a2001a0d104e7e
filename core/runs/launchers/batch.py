"""Slurm's batch files and accounting, by submitit.

submitit submits Python functions, which it pickles, and tells them of a time limit itself. Runs
are directories that continue by themselves, so commands are submitted here instead, and nothing is
pickled.
"""

from pathlib import Path
from typing import Any

from submitit.core.utils import FailedJobError, FailedSubmissionError
from submitit.slurm.slurm import SlurmExecutor, SlurmInfoWatcher

from core.errors import LabError
from core.runs.launchers.profiles import Profile

_COLUMNS = "JobID,JobName,State,Submit,NodeList"


class Batch(SlurmExecutor):
    """Submits a command as one job, or as an array of jobs.

    Args:
        folder: for the batch file and the jobs' output.
        name: of the jobs.
        profile: what they ask for.
        comment: shown by Slurm.
        setup: lines of shell that precede the command.
        directory: where it works.

    Raises:
        LabError: if there is no Slurm on this machine.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        profile: Profile,
        comment: str,
        setup: list[str],
        directory: Path,
    ) -> None:
        try:
            super().__init__(folder)
        except RuntimeError:
            raise LabError(
                "There is no Slurm here: sbatch and srun are not on the path; start the lab on a "
                "login node, or launch on this machine."
            ) from None
        # srun takes over from sbatch what the job has, but for its cores.
        cores = [] if profile.cpus is None else [f"--cpus-per-task={profile.cpus}"]
        memory = None if profile.memory_gb is None else f"{round(profile.memory_gb * 1024)}M"
        self.update_parameters(
            job_name=name,
            comment=comment,
            partition=profile.partition,
            account=profile.account,
            nodes=profile.nodes,
            ntasks_per_node=1,
            cpus_per_task=profile.cpus,
            gpus_per_node=profile.gpus or None,
            mem=memory,
            time=profile.time,
            array_parallelism=profile.at_once,
            stderr_to_stdout=True,
            wckey=None,
            setup=setup,
            srun_args=["--wait=30", "--kill-on-bad-exit=1", *cores],
            additional_parameters={
                "chdir": str(directory),
                "requeue": True,
                "signal": f"USR2@{profile.stop_seconds}",
                **{key: value for key, value in profile.flags.items() if value is not False},
            },
        )

    def submit_command(self, command: str, n: int) -> list[str]:
        """Submit a command, and return the ids of its jobs.

        Args:
            command: a line of shell.
            n: number of jobs; several are an array, whose variable tells them apart.

        Raises:
            LabError: if Slurm refuses.
        """
        if n > 1:
            self.parameters["map_count"] = n
        try:
            job = str(self._submit_command(command).job_id)
        except (FailedJobError, FailedSubmissionError) as error:
            lines = [line for line in str(error).splitlines() if "sbatch: error" in line]
            why = "; ".join(line.partition("error: ")[2] for line in lines) or str(error)
            raise LabError(f"Slurm refuses the job: {why}") from error
        return [job] if n == 1 else [f"{job}_{i}" for i in range(n)]


class Accounting(SlurmInfoWatcher):
    """What Slurm's accounting knows of jobs, with their names and times of submission."""

    def _make_command(self) -> list[str] | None:
        command = super()._make_command()
        if command is None:
            return None
        command[command.index("-o") + 1] = _COLUMNS
        return [*command, "--allocations"]

    def facts(self, job: str) -> dict[str, Any]:
        """Return a job's columns; none where accounting does not know it, or does not answer."""
        facts: dict[str, Any] = self.get_info(job, mode="force")
        return facts
