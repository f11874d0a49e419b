"""Resident memory of this process."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_mib() -> float:
    """The most this process has held, in MiB.

    Linux counts a parent's peak into `ru_maxrss` of a child, so there `VmHWM` is read, which
    begins anew with every program.
    """
    if _STATUS.is_file():
        return _status("VmHWM")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def resident_mib() -> float:
    """What it holds now, in MiB; its peak where the system does not tell."""
    return _status("VmRSS") if _STATUS.is_file() else peak_mib()


def _status(name: str) -> float:
    line = next(x for x in _STATUS.read_text().splitlines() if x.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024
