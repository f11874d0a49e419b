"""Starts the comparison: `python eval/bench/versus/run.py --help`."""

import runpy
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])  # no module here may shadow a library's
runpy.run_module("versus", run_name="__main__")
