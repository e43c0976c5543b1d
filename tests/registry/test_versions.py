"""The service polls these reads once a second: they stay light."""

import subprocess
import sys


def test_reading_versions_imports_neither_mlflow_nor_frames() -> None:
    heavy = "{'mlflow', 'pandas', 'polars', 'sklearn', 'pydantic'}"
    script = f"import sys, registry.versions; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_fetching_is_importable_without_mlflow() -> None:
    script = "import sys, registry.mlflow_mirror, registry.promotion; print('mlflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
