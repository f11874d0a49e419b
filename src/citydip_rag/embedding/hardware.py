"""What this machine's processor can do."""

from __future__ import annotations

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
