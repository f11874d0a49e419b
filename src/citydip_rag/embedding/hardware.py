"""What this machine's processor can do."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

CPU_INFO: Final = Path("/proc/cpuinfo")
_MATRIX_UNIT: Final = "amx_bf16"


@cache
def has_matrix_unit(cpu_info: Path = CPU_INFO) -> bool:
    """Whether it multiplies matrices of bfloat16 in a unit of their own (Intel's AMX)."""
    try:
        lines = cpu_info.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # another system than Linux
        return False
    return any(line.startswith("flags") and _MATRIX_UNIT in line.split() for line in lines)


def give_back_memory() -> None:
    """Return what the allocator holds and nobody uses to the system, where it is glibc's.

    Vectors of many sizes leave gaps that it never returns by itself: hundreds of megabytes in an
    hour of indexing.
    """
    with suppress(AttributeError, OSError, TypeError):  # other systems have no such call
        ctypes.CDLL(None).malloc_trim(0)
