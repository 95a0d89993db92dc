"""What processes of one user may learn of each other, and what the one that decodes strangers' files may do.

Loads nothing of ours, so that a process can hide before it does anything else.
"""

import ctypes
import logging
import resource
import struct
import sys

OURS = ("SUPERIMPOSE_", "OTEL_")
"""What the names of variables begin with that are our settings, or a collector's, and may be secret."""

_PR_SET_DUMPABLE = 4  # linux/prctl.h
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITIES = 64  # as many as the sets of linux/capability.h have room for
_CAPABILITY_VERSION_3 = 0x20080522
_CREATE_RULESET, _RESTRICT_SELF = 444, 446  # linux/landlock.h; the same on all architectures
_CREATE_RULESET_VERSION = 1
_MAKE_BLOCK = 1 << 11  # to make a device, which needs a capability anyway: a ruleset has to rule something
_SIGNALS_AND_ABSTRACT_SOCKETS = 3
_SCOPED_SINCE = 6

log = logging.getLogger("superimpose.worker")


def hide() -> None:
    """Keep this process's environment, memory and open files from its user's others, and from core files.

    On Linux, by making it not dumpable, see ptrace(2) and proc(5); root and CAP_SYS_PTRACE see all the same.
    A program that is started loses it.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def drop_privileges() -> None:
    """Give up every capability, the rights of programs that are started, and a way into other processes.

    For the calling thread and what it starts from now on, for good.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for capability in range(_CAPABILITIES):  # fails for those that do not exist, and without CAP_SETPCAP
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    nothing = bytes(2 * 3 * 4)  # effective, permitted, inheritable; each in two halves
    libc.capset(struct.pack("Ii", _CAPABILITY_VERSION_3, 0), nothing)
    _keep_out_of_other_processes(libc)


def _keep_out_of_other_processes(libc: ctypes.CDLL) -> None:
    """By Landlock: nobody outside its domain is traced or read, and from Linux 6.12 on signalled.

    This holds for a process that has not hidden yet, too. A file can no more be renamed into another folder.
    """
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _CREATE_RULESET_VERSION)
    scoped = _SIGNALS_AND_ABSTRACT_SOCKETS if version >= _SCOPED_SINCE else 0
    rules = struct.pack("QQQ", _MAKE_BLOCK, 0, scoped)
    ruleset = libc.syscall(_CREATE_RULESET, rules, ctypes.c_size_t(len(rules)), 0)
    if ruleset < 0 or libc.syscall(_RESTRICT_SELF, ruleset, 0) < 0:
        log.info("no Landlock here: a decoder that is taken over can reach processes that have not hidden")
