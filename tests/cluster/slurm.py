"""A Slurm cluster of several nodes on this machine, for tests: munge, slurmctld and one slurmd for each node.

    python -m tests.cluster.slurm --nodes 3 -- COMMAND ...     run a command while the cluster is up

It needs root and Debian's packages ``slurm-wlm`` and ``munge``; nothing has to run beforehand. All files
are in a temporary folder but one: ``/etc/slurm/slurm.conf``. The executor for job steps takes every
``SLURM_*`` variable from the environment of a step, ``SLURM_CONF`` too, so the configuration has to be where
Slurm looks by itself. A configuration that isn't from here is never replaced. Everything that was started is
ended by its process id.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

CONFIGURATION = Path("/etc/slurm/slurm.conf")
MARK = "# Written by Endotype's tests/cluster/slurm.py; removed when they end. Process:"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")
SBIN = "/usr/sbin:/sbin"


class ClusterError(RuntimeError):
    """The cluster can't be started here, with the reason."""


def why_not() -> str:
    """The reason why no cluster can be started on this machine, or an empty text."""
    if sys.platform != "linux":
        return "Slurm needs Linux"
    if os.geteuid() != 0:
        return "only root can start several slurmd"
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), SBIN])
    missing = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (apt-get install slurm-wlm munge)"
    if CONFIGURATION.exists():
        first = CONFIGURATION.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
        if not first.startswith(MARK):
            return f"{CONFIGURATION} is of another cluster and stays as it is"
        if is_alive(int(first.removeprefix(MARK))):
            return f"{CONFIGURATION} is in use by another test ({first.removeprefix(MARK).strip()})"
    return ""


class Cluster:
    """A running cluster; make it with :func:`cluster`."""

    def __init__(self, folder: Path, nodes: int, cpus: int, memory_mb: int) -> None:
        self.folder = folder
        self.nodes = [f"n{i}" for i in range(1, nodes + 1)]
        self.cpus = cpus
        self.memory_mb = memory_mb
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), SBIN])
        self.environment = {**os.environ, "PATH": path}

    def start(self) -> None:
        """Start all daemons and wait until every node is idle."""
        for name in ("state", "munge", *(f"spool.{node}" for node in self.nodes)):
            (self.folder / name).mkdir(parents=True, mode=0o700)
        (self.folder / "munge" / "key").write_bytes(os.urandom(128))
        (self.folder / "munge" / "key").chmod(0o400)
        CONFIGURATION.parent.mkdir(exist_ok=True)
        CONFIGURATION.write_text(self._configuration(), encoding="utf-8")
        munge = self.folder / "munge"
        files = [f"--{name}={munge / name}" for name in ("pid-file", "log-file", "seed-file")]
        self._spawn(
            "munged",
            "--foreground",
            "--force",
            f"--key-file={munge / 'key'}",
            f"--socket={munge / 'socket'}",
            *files,
        )
        self._wait(lambda: (munge / "socket").exists(), 20, "munged")
        self._spawn("slurmctld", "-D", "-i")
        for node in self.nodes:
            self._spawn("slurmd", "-D", "-N", node, name=node)
        self._wait(lambda: list(self.states().values()) == ["idle"] * len(self.nodes), 60, "slurmd")

    def states(self) -> dict[str, str]:
        """The state of each node, as ``sinfo`` says it; empty while the controller doesn't answer."""
        done = self.run("sinfo", "--noheader", "--Node", "--format=%N %t", check=False)
        return dict(line.split() for line in done.stdout.splitlines())

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one of Slurm's commands."""
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=check, timeout=60
        )

    def node_of(self, job: str) -> str:
        """The node on which a job runs."""
        return self.run("squeue", "--noheader", f"--jobs={job}", "--format=%N").stdout.strip()

    def kill_node(self, node: str) -> None:
        """Kill a node as a power cut would: its slurmd and everything that runs on it."""
        daemon = self.daemons.pop(node)
        daemon.kill()
        daemon.wait()
        for process in self._steps(node):
            for pid in (process, *descendants(process)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def start_node(self, node: str) -> None:
        """Bring a node back that was killed."""
        self._spawn("slurmd", "-D", "-N", node, name=node)
        self.run("scontrol", "update", f"nodename={node}", "state=resume", check=False)

    def stop(self) -> None:
        """Cancel all jobs, end all daemons and remove the configuration."""
        with contextlib.suppress(subprocess.SubprocessError, OSError):
            self.run("scancel", "--user=root", "--signal=KILL", "--full", check=False)
            self.run("scancel", "--user=root", check=False)
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline and self.run("squeue", "--noheader", check=False).stdout:
                time.sleep(0.2)
        for node in [name for name in self.nodes if name in self.daemons]:
            self.kill_node(node)
        for daemon in reversed(self.daemons.values()):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self.daemons.clear()
        CONFIGURATION.unlink(missing_ok=True)

    def _spawn(self, program: str, *arguments: str, name: str = "") -> None:
        name = name or program
        with (self.folder / f"{name}.out").open("ab") as output:
            self.daemons[name] = subprocess.Popen(
                [program, *arguments],
                env=self.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _wait(self, ready, seconds: float, name: str) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            dead = [daemon for daemon, process in self.daemons.items() if process.poll() is not None]
            if dead or time.monotonic() > deadline:
                said = "".join(
                    f"\n--- {path.name}\n{path.read_text(errors='replace')[-1500:]}"
                    for path in sorted(self.folder.glob("*.out"))
                )
                raise ClusterError(f"{name} isn't ready; ended: {', '.join(dead) or 'none'}{said}")
            time.sleep(0.1)

    def _steps(self, node: str) -> list[int]:
        """Processes of job steps on a node: they leave their slurmd, but write into the node's log."""
        own = str(self.folder / f"{node}.log")
        steps = []
        for process in Path("/proc").iterdir():
            if not process.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                if (process / "comm").read_text().strip() != "slurmstepd":
                    continue
                if any(str(link.readlink()) == own for link in (process / "fd").iterdir()):
                    steps.append(int(process.name))
        return steps

    def _configuration(self) -> str:
        ports = free_ports(1 + len(self.nodes))
        # No cgroups in a container: processes are found in /proc, and memory is looked at every second.
        lines = [
            f"{MARK} {os.getpid()}",
            "ClusterName=endotype",
            f"SlurmctldHost={socket.gethostname()}(127.0.0.1)",
            f"SlurmctldPort={ports[0]}",
            "SlurmUser=root",
            "SlurmdUser=root",
            "AuthType=auth/munge",
            f"AuthInfo=socket={self.folder / 'munge' / 'socket'}",
            "CredType=cred/munge",
            f"StateSaveLocation={self.folder / 'state'}",
            f"SlurmdSpoolDir={self.folder}/spool.%n",
            f"SlurmctldPidFile={self.folder}/slurmctld.pid",
            f"SlurmdPidFile={self.folder}/%n.pid",
            f"SlurmctldLogFile={self.folder}/slurmctld.log",
            f"SlurmdLogFile={self.folder}/%n.log",
            "ProctrackType=proctrack/linuxproc",
            "TaskPlugin=task/none",
            "SwitchType=switch/none",
            "MpiDefault=none",
            "SelectType=select/cons_tres",
            "SelectTypeParameters=CR_CPU_Memory",
            "JobAcctGatherType=jobacct_gather/linux",
            "JobAcctGatherFrequency=task=1",
            "JobAcctGatherParams=OverMemoryKill",
            "SlurmdParameters=config_overrides",
            "AccountingStorageType=accounting_storage/none",
            "EnforcePartLimits=ALL",
            "MinJobAge=600",
            "SlurmdTimeout=15",
            "InactiveLimit=0",
            "KillWait=5",
            "ReturnToService=2",
            "SchedulerParameters=batch_sched_delay=0,sched_interval=2",
        ]
        for node, port in zip(self.nodes, ports[1:], strict=True):
            lines.append(
                f"NodeName={node} NodeHostname={socket.gethostname()} NodeAddr=127.0.0.1 Port={port}"
                f" CPUs={self.cpus} RealMemory={self.memory_mb} State=UNKNOWN"
            )
        lines.append(
            f"PartitionName=test Nodes={','.join(self.nodes)} Default=YES MaxTime=INFINITE State=UP"
            f" DefMemPerCPU=1000 DisableRootJobs=NO"
        )
        return "\n".join(lines) + "\n"


@contextlib.contextmanager
def cluster(nodes: int = 3, cpus: int = 4, memory_mb: int = 8000) -> Iterator[Cluster]:
    """A cluster that is up while the block runs, whatever happens in it.

    Processors and memory are what Slurm believes; they aren't taken from this machine.

    Raises:
        ClusterError: this machine can't have one, with the reason.
    """
    if reason := why_not():
        raise ClusterError(reason)
    with tempfile.TemporaryDirectory(prefix="endotype-slurm-", ignore_cleanup_errors=True) as folder:
        running = Cluster(Path(folder), nodes, cpus, memory_mb)
        try:
            running.start()
            yield running
        finally:
            running.stop()


def is_alive(pid: int) -> bool:
    """Whether a process of this number runs (a zombie doesn't)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def descendants(pid: int) -> list[int]:
    """All processes below one, the nearest first."""
    found: list[int] = []
    todo = [pid]
    while todo:
        for tasks in Path(f"/proc/{todo.pop()}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                children = [int(child) for child in tasks.read_text().split()]
                found += children
                todo += children
    return found


def free_ports(n: int) -> list[int]:
    """Ports of this machine that nothing listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--cpus", type=int, default=4, help="that Slurm believes a node to have")
    parser.add_argument("--memory-mb", type=int, default=8000, help="that Slurm believes a node to have")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    # An end by a signal is an end of the block too, so that nothing stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with cluster(arguments.nodes, arguments.cpus, arguments.memory_mb) as running:
            return subprocess.run(arguments.command, env=running.environment, check=False).returncode
    except ClusterError as error:
        print(f"no cluster: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
