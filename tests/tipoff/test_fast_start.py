"""The door opens fast: no heavy library is imported before a command needs it."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "mlflow",
    "xgboost",
    "catboost",
    "sklearn",
    "pandas",
    "polars",
    "numpy",
    "bentoml",
    "optuna",
    "sqlalchemy",
    "rich",
)


def test_help_imports_no_heavy_library() -> None:
    program = (
        "import sys\n"
        "from tipoff.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print('imported:', *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    imported = set(out.rpartition("imported:")[2].split())
    assert not imported & set(HEAVY)
