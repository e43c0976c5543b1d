"""The door: `tipoff COMMAND`, exit codes, and errors without tracebacks."""

from __future__ import annotations

import importlib
import json
import signal
import sys
from types import FrameType
from typing import Any

import click

from contracts.errors import TipoffError, UnavailableError, UsageError

COMMANDS = {
    "ingest": ("ingest:ingest", "Bring raw facts in: files, the simulated league, stats.nba.com."),
    "features": ("features:features", "Build, look at and export the feature table."),
    "train": ("train:train", "Train one system, log the run, register the version."),
    "sweep": ("sweep:sweep", "Try many parameters of one system, register the best; any number may join."),
    "backtest": ("backtest:backtest", "Walk a past season forward, each date from what was known before it."),
    "evaluate": ("evaluate:evaluate", "Hold a version to dates that it has not seen, beside the averages."),
    "reproduce": ("reproduce:reproduce", "Train a run again from what it recorded, and compare every figure."),
    "promote": ("promote:promote", "Hold a version against the champion and, if it passes, make it live."),
    "rollback": ("rollback:rollback", "Bring an earlier Production version back."),
    "registry": ("registry:registry", "Versions, their stages and the history of every move."),
    "serve": ("serve:serve", "Start the prediction service."),
    "predict": ("predict:predict", "Predict the slate of a date."),
    "batch": ("batch:batch", "Predict a date's slate by every system; states, dead letters, replay."),
    "coordinator": ("coordinator:coordinator", "Start the coordinator service: batches over HTTP."),
    "worker": ("worker:worker", "Start one more worker for the batches."),
    "day": ("day:day", "One daily cycle: ingest, build, predict, grade, monitor, report, retrain when due."),
    "replay": ("replay:replay", "Past days as if live, each from what was known on its morning."),
    "grade": ("grade:grade", "Hold stored predictions against what happened."),
    "why": ("why:why", "Why a player has no prediction, or where a prediction's number comes from."),
    "monitor": ("monitor:monitor", "Coverage, freshness, drift, errors, heartbeats: what is wrong, and drills."),
    "predictions": ("predictions:predictions", "Write stored predictions with their grades to a file."),
    "doctor": ("doctor:doctor", "Whether everything that tipoff stands on is well, and what mends it."),
    "report": ("report:report", "Write the report of a date: one HTML page."),
    "env": ("env:env", "Print export lines that point other tools at tipoff's state."),
    "config": ("config:config", "Every setting in force, and where it came from."),
    "ui": ("ui:ui", "Start the MLflow UI over tipoff's runs."),
    "demo": ("demo:demo", "The whole job once, on a simulated league."),
    "version": ("version:version", "The version of tipoff and of the libraries that make predictions."),
}
"""Name -> (module:attribute in tipoff.commands, one line of help): a module is imported when its command is called."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, so that the door opens fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of a prediction's life."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(f"tipoff.commands.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `tipoff --help`, without importing any command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tipoff", message="%(version)s")
@click.option("--debug", is_flag=True, help="Print the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Predict NBA players' points before tip-off, and know how good the prediction is."""
    ctx.obj = {"debug": debug}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage or settings, 3 refused by a rule."""
    given = sys.argv[1:] if arguments is None else arguments
    debug, as_json = "--debug" in given, "--json" in given
    given = [argument for argument in given if argument != "--debug"]
    ctrl_c = _CtrlC()
    try:
        cli.main(args=["--debug", *given] if debug else given, prog_name="tipoff", standalone_mode=False)
    except TipoffError as error:
        if debug:
            raise
        _report(error, as_json=as_json)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        if as_json:
            _print_json(UsageError(error.format_message(), remedy="`--help` names what is allowed."))
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(_interrupted())
    except Exception as error:  # the last line of the door: nobody but --debug sees a traceback
        if debug:
            raise
        if ctrl_c.came:  # a library made another error of it
            sys.exit(_interrupted())
        _report(_as_ours(error), as_json=as_json)
        sys.exit(1)
    sys.exit(0)


class _CtrlC:
    """KeyboardInterrupt on SIGINT as ever, and whether it came."""

    def __init__(self) -> None:
        self.came = False
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where SIGINT is ignored
            signal.signal(signal.SIGINT, self._raise)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        signal.default_int_handler(number, frame)


def _interrupted() -> int:
    click.echo("Interrupted.", err=True)
    return 130


def _as_ours(error: Exception) -> TipoffError:
    """An error that no room foresaw, in one line: a database or a file that fails, else a defect."""
    database = sys.modules.get("sqlalchemy.exc")  # not imported: then the error is none of its own
    if database is not None and isinstance(error, database.OperationalError):
        remedy = "Check that it is up, that nothing else holds it and that its disk has room; then run this again."
        return UnavailableError(f"The database failed: {str(error.orig).splitlines()[0]}.", remedy=remedy)
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        return UnavailableError(f"{error.strerror}{where}.", remedy="Make room or give access; then run this again.")
    remedy = "This is a defect: `tipoff --debug ...` shows where."
    return TipoffError(f"{type(error).__name__}: {error}", remedy=remedy)


def _report(error: TipoffError, *, as_json: bool) -> None:
    click.echo(click.style("Error: ", fg="red", bold=True) + error.message, err=True)
    if error.remedy:
        click.echo(f"  {error.remedy}", err=True)
    if as_json:
        _print_json(error)


def _print_json(error: TipoffError) -> None:
    body: dict[str, Any] = {"code": error.code, "message": error.message, "remedy": error.remedy}
    try:
        click.echo(json.dumps({"error": body}))
    except OSError as fault:  # a full disk behind stdout, or nobody there
        click.echo(f"Standard output cannot be written: {fault.strerror}.", err=True)


if __name__ == "__main__":
    main()
