"""Facts of the machine and its processes, from /proc. Linux, standard library only. Source: proc_pid_stat(5)."""

import os
import platform
import resource
from pathlib import Path

__all__ = ["cpu_s", "describe", "own_cpu_s", "process_tree", "raise_open_files", "rss_kib"]

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


def raise_open_files() -> int:
    """Raise the soft limit of open files to the hard one, for this process and its children; the limit then."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def process_tree(root: int) -> list[int]:
    """The process and all its living descendants; empty when it is gone."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        if fields := _stat(int(entry.name)):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    tree = [root] if _stat(root) else []
    for pid in tree:
        tree += children.get(pid, [])
    return tree


def cpu_s(root: int) -> float:
    """CPU seconds, user and system, of a process tree so far; children that ended and were waited for count."""
    # Fields 14 to 17: utime, stime, cutime, cstime; `_stat` starts at field 3.
    return sum(sum(map(int, fields[11:15])) for pid in process_tree(root) if (fields := _stat(pid))) / _TICKS_PER_S


def own_cpu_s(pid: int) -> float:
    """CPU seconds, user and system, of one process alone so far; 0 when it is gone."""
    return sum(map(int, _stat(pid)[11:13])) / _TICKS_PER_S


def rss_kib(pid: int) -> int:
    """Resident memory of one process, in KiB; 0 when it is gone."""
    fields = _stat(pid)
    return int(fields[21]) * _PAGE_KIB if fields else 0


def describe() -> str:
    """The machine in one line."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    load_1, *_ = os.getloadavg()
    python = platform.python_version()
    return f"{os.cpu_count()} x {cpu}, Linux {platform.release()}, Python {python}, load average {load_1:.1f}"


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may hold spaces; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
