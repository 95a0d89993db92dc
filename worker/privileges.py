"""Isolates processes of one user from each other, and drops the privileges of the decoding process.

Imports none of our modules, so that a process can call `hide` before anything else.
"""

import ctypes
import logging
import resource
import struct
import sys

SECRET_PREFIXES = ("SUPERIMPOSE_", "OTEL_")
"""Prefixes of environment variables that may be secret: our settings and those of OpenTelemetry."""

_PR_SET_DUMPABLE = 4  # linux/prctl.h
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITIES = 64  # bits in the sets of linux/capability.h
_CAPABILITY_VERSION_3 = 0x20080522
_CREATE_RULESET, _RESTRICT_SELF = 444, 446  # linux/landlock.h; the same on all architectures
_CREATE_RULESET_VERSION = 1
_MAKE_BLOCK = 1 << 11  # needs a capability anyway; a ruleset must not be empty
_SIGNALS_AND_ABSTRACT_SOCKETS = 3
_SCOPED_SINCE = 6

log = logging.getLogger("superimpose.worker")


def hide() -> None:
    """Hide this process's environment, memory and open files from its user's other processes and core files.

    On Linux by making it not dumpable, see ptrace(2) and proc(5). Root and CAP_SYS_PTRACE can still read it.
    exec(2) resets the flag.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def drop_privileges() -> None:
    """Give up all capabilities, privilege gain by exec(2), and access to other processes.

    Irrevocable, for the calling thread and all threads and processes it starts from now on.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for capability in range(_CAPABILITIES):  # fails for unknown capabilities, and without CAP_SETPCAP
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    no_capabilities = bytes(2 * 3 * 4)  # effective, permitted, inheritable; each in two halves
    libc.capset(struct.pack("Ii", _CAPABILITY_VERSION_3, 0), no_capabilities)
    _restrict_by_landlock(libc)


def _restrict_by_landlock(libc: ctypes.CDLL) -> None:
    """Forbid tracing and reading processes outside the Landlock domain; from Linux 6.12 on, signalling too.

    This also protects processes that have not called `hide`. As a side effect, files cannot be renamed into
    other folders.
    """
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _CREATE_RULESET_VERSION)
    scoped = _SIGNALS_AND_ABSTRACT_SOCKETS if version >= _SCOPED_SINCE else 0
    rules = struct.pack("QQQ", _MAKE_BLOCK, 0, scoped)
    ruleset = libc.syscall(_CREATE_RULESET, rules, ctypes.c_size_t(len(rules)), 0)
    if ruleset < 0 or libc.syscall(_RESTRICT_SELF, ruleset, 0) < 0:
        log.info("no Landlock: a compromised decoder can read processes of its user that are not hidden")
