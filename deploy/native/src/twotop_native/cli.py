"""`python -m twotop_native`: the whole of Twotop on one machine, or only its backends."""

import json
from pathlib import Path
from typing import Annotated

import typer

from twotop_native import backends as backend_processes
from twotop_native.paths import Layout, checkout_root

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
backends = typer.Typer(no_args_is_help=True, help="Private PostgreSQL, RabbitMQ and Redis alone, for tests.")
app.add_typer(backends, name="backends")

StateOption = Annotated[
    Path, typer.Option("--state", help="Folder for logs, secrets and run.json.", show_default=".twotop in the checkout")
]
DEFAULT_STATE = checkout_root() / ".twotop"


@backends.command("up")
def backends_up(
    state: Annotated[Path, typer.Option("--state", help="Folder for their record and logs.")],
    throwaway: Annotated[bool, typer.Option(help="Data may be lost in a crash and is removed by down.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the addresses as JSON.")] = False,
) -> None:
    """Start backends that stay until `backends down`; answers at once when they already run."""
    record = backend_processes.up(Layout.at(state), throwaway=throwaway)
    if as_json:
        print(json.dumps(record))
        return
    for name in ("postgres", "rabbitmq", "redis"):
        print(f"{name}: {record[name]['url']}")


@backends.command("down")
def backends_down(state: Annotated[Path, typer.Option("--state", help="The folder given to up.")]) -> None:
    """End exactly the backends that `backends up` started there."""
    if not backend_processes.down(Layout.at(state)):
        print("nothing runs there")
