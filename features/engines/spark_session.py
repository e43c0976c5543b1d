"""A Spark session for one computation: quiet, on this machine unless told otherwise, and gone afterwards."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING

from contracts.errors import TipoffError, UsageError
from contracts.settings import FeatureSettings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

INSTALL_SPARK = "Run `pip install 'tipoff[spark]'`."
INSTALL_JAVA = "Spark wants Java 17 or newer: install it and let JAVA_HOME name its folder, or put `java` on the PATH."

DRIVER_MEMORY = "4g"
"""The heap of the driver's Java process; Spark's own 1g is too little for five seasons. SPARK_DRIVER_MEMORY wins."""

_LOGGING = """\
appender.console.type = Console
appender.console.name = stderr
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
rootLogger.level = fatal
rootLogger.appenderRef.stderr.ref = stderr
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = fatal
"""
"""What Spark's Java process logs: its errors reach us as exceptions. The gateway's level becomes the root's."""


def refuse_without_spark() -> None:
    """Raise UsageError where PySpark or Java is missing, naming what to install."""
    if importlib.util.find_spec("pyspark") is None:
        raise UsageError("The engine spark needs PySpark, which is not installed.", remedy=INSTALL_SPARK)
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java", path=str(Path(home, "bin")) if home else None) is None:
        where = f"in JAVA_HOME, {home}" if home else "on the PATH"
        raise UsageError(f"The engine spark needs Java; there is none {where}.", remedy=INSTALL_JAVA)


@contextmanager
def spark_session(settings: FeatureSettings) -> Iterator[SparkSession]:
    """A session on `settings.spark_master` for the length of the block.

    Raises UsageError where Spark cannot start. Whatever Spark raises within the block becomes a TipoffError.
    """
    with _quiet_about_pandas(), TemporaryDirectory(prefix="tipoff-spark-") as folder:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        session = _start(settings, Path(folder))
        try:
            yield session
        except (PySparkException, Py4JError) as error:
            raise TipoffError(
                f"Spark failed: {_gist(str(error))}",
                remedy="`tipoff features backfill --engine polars` does the same without Spark.",
            ) from error
        finally:
            session.stop()


@contextmanager
def _quiet_about_pandas() -> Iterator[None]:
    """PySpark warns of pandas 3 wherever it looks for pandas; nothing here goes through pandas."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
        yield


def _start(settings: FeatureSettings, folder: Path) -> SparkSession:
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    (folder / "log4j2.properties").write_text(_LOGGING)
    if _is_local(settings):
        os.environ["PYSPARK_PYTHON"] = sys.executable  # the only way to say which Python the workers are
    try:
        return SparkSession.builder.config(map=_options(settings, folder)).getOrCreate()
    except (PySparkException, Py4JError) as error:
        raise UsageError(
            f"Spark does not start on features.spark_master = {settings.spark_master!r}: {_gist(str(error))}",
            remedy=INSTALL_JAVA,
        ) from error


def _options(settings: FeatureSettings, folder: Path) -> dict[str, bool | float | int | str | None]:
    options: dict[str, bool | float | int | str | None] = {
        "spark.app.name": "tipoff",
        "spark.master": settings.spark_master,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}",
        "spark.driver.maxResultSize": "0",  # what is made is collected whole, however much it is
        "spark.local.dir": gettempdir(),  # Spark makes folders of its own there, and deletes them
        "spark.sql.warehouse.dir": str(folder),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.useLargeVarTypes": "true",  # the texts of Polars
        "spark.sql.shuffle.partitions": str(settings.spark_partitions),
        "spark.sql.adaptive.coalescePartitions.enabled": "false",  # few bytes, much to compute: keep the buckets apart
        "spark.executorEnv.POLARS_MAX_THREADS": "1",  # Spark runs as many workers as there are cores
    }
    if "SPARK_DRIVER_MEMORY" not in os.environ:
        options["spark.driver.memory"] = DRIVER_MEMORY
    if _is_local(settings):
        options |= {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
        }
    return options


def _is_local(settings: FeatureSettings) -> bool:
    return settings.spark_master.startswith("local")


def _gist(message: str) -> str:
    """The line that says what happened: of a Python worker's traceback the one that follows it."""
    *_, told = message.split("Traceback (most recent call last):\n")
    lines = (line.strip() for line in told.splitlines() if line.strip() and not line.startswith(" "))
    return next(lines, "it does not say why.")
