"""The command line of every service: ``serve``, ``migrate up|down``, ``openapi``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

import typer
from fastapi import FastAPI

from twotop_common.service_defaults.lifecycle import Build, SettingsT, run_service
from twotop_common.service_defaults.logging import configure_logging
from twotop_common.service_defaults.settings import SettingsInvalid, load_settings


def make_cli(
    settings_class: type[SettingsT],
    build: Build[SettingsT],
    *,
    package: str,
    openapi: Callable[[], FastAPI] | None = None,
    ws: str = "websockets-sansio",
) -> typer.Typer:
    """A service's command line, open for further commands. ``openapi`` builds the app without adapters."""
    cli = typer.Typer(no_args_is_help=True, pretty_exceptions_show_locals=False, add_completion=False)
    migrations = typer.Typer(no_args_is_help=True, help="Change the database's shape.")
    cli.add_typer(migrations, name="migrate")

    @cli.command()
    def serve(
        host: Annotated[str | None, typer.Option(help="default: TWOTOP_HOST")] = None,
        port: Annotated[int | None, typer.Option(help="default: TWOTOP_PORT")] = None,
    ) -> None:
        """Run the service until a signal."""
        given: dict[str, Any] = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
        run_service(settings_or_exit(settings_class, **given), build, ws=ws)

    @migrations.command("up")
    def migrate_up(to: Annotated[str, typer.Option(help="revision")] = "head") -> None:
        """Migrate up, by default to the newest revision."""
        settings = settings_or_exit(settings_class)
        configure_logging(settings.service, settings.instance, settings.log_level)
        from twotop_common.service_defaults.migrations import migrate

        migrate(settings.database_url, package, to=to)

    @migrations.command("down")
    def migrate_down(to: Annotated[str, typer.Option(help="revision")] = "base") -> None:
        """Migrate down, by default to nothing at all."""
        settings = settings_or_exit(settings_class)
        configure_logging(settings.service, settings.instance, settings.log_level)
        from twotop_common.service_defaults.migrations import downgrade

        downgrade(settings.database_url, package, to=to)

    if openapi is not None:

        @cli.command("openapi")
        def print_openapi() -> None:
            """Print the OpenAPI document."""
            typer.echo(json.dumps(openapi().openapi(), indent=2, ensure_ascii=False))

    return cli


def settings_or_exit(settings_class: type[SettingsT], **overrides: Any) -> SettingsT:
    """Settings from the environment; what is wrong with them goes to standard error, and the process ends with 2."""
    try:
        return load_settings(settings_class, **overrides)
    except SettingsInvalid as error:
        typer.echo(f"{settings_class.service}: {error}", err=True)
        raise typer.Exit(2) from None
