"""The processes of a run, found by a mark in their environment, which children inherit."""

import psutil

MARK = "CHAOS_RUN"


def processes(run: str) -> list[psutil.Process]:
    """All processes of a run, including zombies of one, with `info` about each."""
    found = list(psutil.process_iter(["pid", "ppid", "status", "cmdline", "environ"]))
    marked = {each.pid for each in found if (each.info["environ"] or {}).get(MARK) == run}
    return [each for each in found if each.pid in marked or each.info["ppid"] in marked]


def children(pid: int) -> list[int]:
    """The pids of a process's living children."""
    found = psutil.process_iter(["ppid", "status"])
    return [
        each.pid for each in found if each.info["ppid"] == pid and each.info["status"] != psutil.STATUS_ZOMBIE
    ]
