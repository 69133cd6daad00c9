"""How long `import skdbn` takes beyond what it stands on.

Its modules are compiled beforehand, as pip does when it installs them: where byte code is not written, as
with PYTHONDONTWRITEBYTECODE, each process would compile them anew, which takes longer than all else.
"""

import subprocess
import sys
import tempfile

import numpy as np

from speed._lines import Line

_MOST = 30  # ms
_MILLISECONDS = 1000
# What any estimator imports: nothing of scikit-learn's that a user of it would not have loaded anyway.
_FIRST = {
    "import sklearn": "import sklearn",
    "sklearn.base and sklearn.utils.validation": "import sklearn.base, sklearn.utils.validation",
}
_CODE = """
import sys, time
{first}
sys.dont_write_bytecode, sys.pycache_prefix = False, {byte_code!r}
start = time.perf_counter()
import skdbn
print(time.perf_counter() - start)
"""


def import_lines(grid):
    """Return the median time of the import in fresh processes, after each of two others."""
    medians = median_seconds(1 if grid == "smoke" else 9)
    return [
        Line(f"import skdbn, after {name}", "ms", seconds * _MILLISECONDS, most=_MOST)
        for name, seconds in zip(_FIRST, medians, strict=True)
    ]


def median_seconds(n_rounds):
    """Return the median time after each of the other imports."""
    with tempfile.TemporaryDirectory() as byte_code:
        _import_seconds(_FIRST["import sklearn"], byte_code)  # compiles
        rounds = [[_import_seconds(first, byte_code) for first in _FIRST.values()] for _ in range(n_rounds)]
    return np.median(rounds, axis=0)


def _import_seconds(first, byte_code):
    """Return the seconds in a fresh process; modules not yet compiled into the folder are."""
    command = [sys.executable, "-c", _CODE.format(first=first, byte_code=byte_code)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
