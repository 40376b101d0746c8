"""``twotop``: what an operator does by command. Addresses come from the environment, as for session-api.

Exit codes: 0 done, 1 refused (the reason is on standard error), 2 wrong usage or settings, 3 database or broker away.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

import asyncpg
import structlog
import typer
from rich.console import Console
from rich.table import Column, Table
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from session_api.analytics.handlers import Statistics, UnknownLocation, statistics_of_day
from session_api.data_file import DataFileInvalid
from session_api.flags.handlers import UnknownFlag, list_flags, set_flag
from session_api.play.importing import ImportedQuestions, import_questions
from session_api.play.question_file import included_question_files, read_question_files
from session_api.venues.demo import describe_demo
from session_api.venues.importing import TOKEN_LENGTH, Imported, import_venues
from session_api.venues.venue_file import read_venue_file
from twotop_common.contracts.registry import Service
from twotop_common.messaging.connection import BROKER_ERRORS
from twotop_common.messaging.dead_letters import list_dead_letters, replay_dead_letters
from twotop_common.messaging.topology import SERVICES
from twotop_common.service_defaults.cli import settings_or_exit
from twotop_common.service_defaults.database import looks_unavailable, open_database
from twotop_common.service_defaults.feature_flags import DUAL_PAIRING_CODE_ENABLED
from twotop_common.service_defaults.settings import ServiceSettings

REFUSED, USAGE, AWAY = 1, 2, 3
DATABASE, BROKER = "the database (TWOTOP_DATABASE_URL)", "the broker (TWOTOP_BROKER_URL)"
UNREACHABLE: tuple[type[BaseException], ...] = (OSError, *BROKER_ERRORS)
AnswerT = TypeVar("AnswerT")

app = typer.Typer(no_args_is_help=True, pretty_exceptions_show_locals=False, add_completion=False)
flags_app = typer.Typer(no_args_is_help=True, help="Switch features without a deploy.")
letters_app = typer.Typer(no_args_is_help=True, help="Messages that a service could not use.")
app.add_typer(flags_app, name="flags")
app.add_typer(letters_app, name="dead-letters")


@app.callback()
def quiet() -> None:
    """Operate Twotop."""
    # Standard output is the command's answer; what libraries have to say goes beside it.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        # Looked up at each line: whoever calls the command as a function may put another stream in its place.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    logging.basicConfig(level=logging.CRITICAL, stream=sys.stderr)


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
VenuePath = Annotated[Path, typer.Argument(metavar="FILE.yaml", help="The venue file.")]


class DatabaseSettings(ServiceSettings):
    """Commands on session-api's database need nothing else."""

    service: ClassVar[Service] = "session-api"
    needs: ClassVar[frozenset[str]] = frozenset({"database_url"})


class BrokerSettings(ServiceSettings):
    """Commands on queues need nothing else."""

    service: ClassVar[Service] = "session-api"
    needs: ClassVar[frozenset[str]] = frozenset({"broker_url"})


class Switch(StrEnum):
    on = "on"
    off = "off"


@app.command("import")
def import_command(path: VenuePath, as_json: AsJson = False) -> None:
    """Load a company, its locations and tables. Safe to repeat: tokens stay, nothing is deleted."""

    async def load(session: AsyncSession) -> Imported:
        return await import_venues(session, read_venue_file(path))

    imported = _with_session(load)
    if as_json:
        _print_json(asdict(imported))
    else:
        _show_import(imported)


@app.command("import-questions")
def import_questions_command(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE.yaml...", help="Without, the sets that come with Twotop.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Load question sets, all or none. Safe to repeat; games under way keep the version they began with."""

    async def load(session: AsyncSession) -> list[ImportedQuestions]:
        files = read_question_files(paths or included_question_files())
        return [await import_questions(session, file, datetime.now(UTC)) for file in files]

    imported = _with_session(load)
    if as_json:
        _print_json([asdict(one) for one in imported])
        return
    table = Table("context", "version", "questions", "languages", "change")
    for one in imported:
        table.add_row(one.context, str(one.version), str(one.questions), " ".join(one.languages), one.change)
    Console().print(table)


@app.command("demo-info")
def demo_info(path: VenuePath, as_json: AsJson = False) -> None:
    """What a visitor can try with an imported venue file: open tables, a closed one, a disabled one."""

    async def describe(session: AsyncSession) -> dict[str, Any]:
        return await describe_demo(session, read_venue_file(path))

    demo = _with_session(describe)
    if as_json:
        _print_json(demo)
        return
    table = Table("table", "token", title=f"location {demo['location_id']}")
    for entry in demo["tables"]:
        table.add_row(entry["number"], entry["table_token"])
    table.add_row("closed", demo["closed_table_token"])
    table.add_row("disabled", demo["disabled_table_token"])
    Console().print(table)


@app.command()
def statistics(
    location: Annotated[str, typer.Argument(help="The location's slug.")],
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The service day.")],
    as_json: AsJson = False,
) -> None:
    """What happened at a location on a service day: counts and mean durations, never who."""

    async def count(session: AsyncSession) -> Statistics:
        return await statistics_of_day(session, location, day.date())

    found = _with_session(count)
    if as_json:
        _print_json(asdict(found))
        return
    table = Table("event", "mode", "context", "reason", title=f"{found.location}, {found.service_day}")
    for heading in ("events", "phones", "mean s"):
        table.add_column(heading, justify="right")
    for row in found.counts:
        mean = "" if row.mean_duration_s is None else f"{row.mean_duration_s:.0f}"
        table.add_row(row.kind, row.mode, row.context or "", row.reason or "", str(row.events), str(row.phones), mean)
    Console().print(table)


@flags_app.command("list")
def flags_list(as_json: AsJson = False) -> None:
    """Every flag, its value, and whether it was ever changed."""
    defaults = _defaults()
    flags = _with_session(lambda session: list_flags(session, defaults))
    if as_json:
        _print_json([asdict(flag) for flag in flags])
        return
    table = Table("flag", "value", "version", "changed")
    for flag in flags:
        changed = flag.changed_at.isoformat(timespec="seconds") if flag.changed_at else "default"
        table.add_row(flag.name, "on" if flag.enabled else "off", str(flag.version), changed)
    Console().print(table)


@flags_app.command("set")
def flags_set(name: str, value: Switch) -> None:
    """Switch a flag on or off here, and announce it to every service."""
    defaults = _defaults()
    change = _with_session(lambda session: set_flag(session, name, value is Switch.on, defaults))
    typer.echo(f"{change.name} is {value.value} (version {change.version})")


@letters_app.command("list")
def letters_list(
    service: str, limit: Annotated[int, typer.Option(min=1, help="at most so many")] = 100, as_json: AsJson = False
) -> None:
    """What is there, oldest first. Takes nothing away."""
    url, name = _broker_url(), _service(service)
    letters = _run(list_dead_letters(url, name, limit=limit), BROKER)
    if as_json:
        _print_json([{**asdict(letter), "body": letter.body.decode("utf-8", "backslashreplace")} for letter in letters])
        return
    table = Table("message", "type", "reason", "attempts", "bytes", title=f"{name}: {len(letters)} dead letters")
    for letter in letters:
        table.add_row(letter.message_id, letter.type, letter.reason, str(letter.attempts), str(len(letter.body)))
    Console().print(table)


@letters_app.command("replay")
def letters_replay(service: str, limit: Annotated[int | None, typer.Option(min=1, help="only so many")] = None) -> None:
    """Put dead letters back to the service's queue, oldest first."""
    url, name = _broker_url(), _service(service)
    typer.echo(f"{_run(replay_dead_letters(url, name, limit=limit), BROKER)} replayed to {name}")


def _defaults() -> dict[str, bool]:
    settings = settings_or_exit(DatabaseSettings)
    return {DUAL_PAIRING_CODE_ENABLED: settings.dual_pairing_code_enabled}


def _broker_url() -> str:
    return settings_or_exit(BrokerSettings).broker_url


def _service(text: str) -> Service:
    """A service, named as itself or as its dead-letter queue."""
    wanted = text.removesuffix(".dead")
    for service in SERVICES:
        if service == wanted:
            return service
    raise _stop(f"{text!r} is no service: {', '.join(SERVICES)}", code=USAGE)


def _with_session(use: Callable[[AsyncSession], Awaitable[AnswerT]]) -> AnswerT:
    """Run ``use`` in one transaction on session-api's database and commit it."""
    settings = settings_or_exit(DatabaseSettings)

    async def work() -> AnswerT:
        async with open_database(settings) as database, database.sessions.begin() as session:
            return await use(session)

    return _run(work(), DATABASE)


def _run(work: Coroutine[Any, Any, AnswerT], place: str) -> AnswerT:
    """Run ``work`` on ``place``; an expected failure becomes a sentence and an exit code."""
    try:
        return asyncio.run(work)
    except DataFileInvalid as invalid:
        raise _stop(*invalid.faults, code=REFUSED) from None
    except UnknownFlag as unknown:
        raise _stop(f"no flag is called {unknown}", code=REFUSED) from None
    except UnknownLocation as unknown:
        raise _stop(f"no location is called {unknown}", code=REFUSED) from None
    except IntegrityError:
        raise _stop("another import ran at the same time: try again", code=REFUSED) from None
    except DBAPIError as error:
        if looks_unavailable(error):
            raise _stop(f"{place} cannot be reached", code=AWAY) from None
        if "UndefinedTable" in str(error.orig):
            raise _stop("the database has no tables yet: run `session-api migrate up`", code=REFUSED) from None
        raise
    except asyncpg.PostgresError as error:
        # Raised before there is a connection: wrong password, no such database.
        raise _stop(f"{place} refuses: {error}", code=AWAY) from None
    except UNREACHABLE as error:
        raise _stop(f"{place} cannot be reached: {type(error).__name__}", code=AWAY) from None


def _stop(*lines: str, code: int) -> typer.Exit:
    for line in lines:
        typer.echo(line, err=True)
    return typer.Exit(code)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def _show_import(imported: Imported) -> None:
    console = Console()
    token = Column("token", no_wrap=True, min_width=TOKEN_LENGTH)
    table = Table("location", "table", token, "state", "change", title=imported.tenant_slug)
    for location in imported.locations:
        hours = "closed all week" if location.never_opens else ""
        table.add_row(location.slug, "", "", hours, location.change)
        for place in location.tables:
            change = "not in the file, left as it is" if place.change == "missing" else place.change
            table.add_row("", place.number, place.token, "" if place.enabled else "disabled", change)
    console.print(table)
    for slug in imported.missing_locations:
        console.print(f"location {slug} is not in the file, left as it is")
    changes = Counter(place.change for location in imported.locations for place in location.tables)
    console.print("tables: " + ", ".join(f"{count} {change}" for change, count in sorted(changes.items())))


if __name__ == "__main__":
    app()
