"""``twotop`` as an operator uses it: answers, sentences for what goes wrong, exit codes."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import aiormq
import asyncpg
import pytest
import pytest_asyncio
from pamqp import commands as spec
from typer.testing import CliRunner, Result

from session_api.analytics.domain import AnalyticsRecord
from session_api.analytics.queries import insert_records
from session_api.cli import app
from twotop_common.messaging.topology import dead_queue_of, declare_consumer_queues, queue_of
from twotop_common.testing.backends import ServiceDatabase

pytestmark = pytest.mark.integration

DEMO = Path(__file__).parents[5] / "deploy" / "demo" / "restaurant.yaml"
NOBODY = "postgresql://nobody@127.0.0.1:1/nothing"


async def twotop(*arguments: str, **environment: str) -> Result:
    env = {"TWOTOP_ENVIRONMENT": "test", "COLUMNS": "120", **environment}
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=env)


@pytest_asyncio.fixture
async def database(service_database: ServiceDatabase) -> str:
    return await service_database("session_api")


async def test_import_reports_what_it_did(database: str) -> None:
    first = await twotop("import", str(DEMO), TWOTOP_DATABASE_URL=database)
    assert first.exit_code == 0, first.output
    assert "lotus-saigon" in first.stdout
    assert "tables: 13 added" in first.stdout
    again = await twotop("import", str(DEMO), "--json", TWOTOP_DATABASE_URL=database)
    report = json.loads(again.stdout)
    assert report["change"] == "unchanged"
    assert {table["change"] for location in report["locations"] for table in location["tables"]} == {"unchanged"}
    tokens = [table["token"] for table in report["locations"][0]["tables"]]
    assert all(token in first.stdout for token in tokens)


async def test_import_names_what_the_file_no_longer_has(database: str, tmp_path: Path) -> None:
    assert (await twotop("import", str(DEMO), TWOTOP_DATABASE_URL=database)).exit_code == 0
    shorter = tmp_path / "shorter.yaml"
    text = DEMO.read_text(encoding="utf-8").split("  # Closed whatever")[0]
    shorter.write_text(text.replace("      - {number: T2, zone: Terrace, seats: 4}\n", ""), encoding="utf-8")
    report = await twotop("import", str(shorter), TWOTOP_DATABASE_URL=database)
    assert report.exit_code == 0, report.output
    assert "location lotus-hoi-an is not in the file, left as it is" in report.stdout
    assert "1 missing" in report.stdout


async def test_a_bad_file_changes_nothing_and_says_why(database: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(DEMO.read_text(encoding="utf-8").replace("Europe/Berlin", "Europe/Bielefeld"), encoding="utf-8")
    refused = await twotop("import", str(bad), TWOTOP_DATABASE_URL=database)
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert refused.stderr.startswith(f"{bad}:")
    assert "'Europe/Bielefeld' is no IANA time zone" in refused.stderr
    connection = await asyncpg.connect(database)
    assert await connection.fetchval("SELECT count(*) FROM tenants") == 0
    await connection.close()


async def test_demo_info_is_what_the_launcher_writes(database: str) -> None:
    early = await twotop("demo-info", str(DEMO), "--json", TWOTOP_DATABASE_URL=database)
    assert early.exit_code == 1
    assert "not imported yet" in early.stderr
    await twotop("import", str(DEMO), TWOTOP_DATABASE_URL=database)
    demo = json.loads((await twotop("demo-info", str(DEMO), "--json", TWOTOP_DATABASE_URL=database)).stdout)
    assert set(demo) == {"location_id", "closed_table_token", "disabled_table_token", "tables"}
    assert set(demo["tables"][0]) == {"number", "table_token"}
    shown = await twotop("demo-info", str(DEMO), TWOTOP_DATABASE_URL=database)
    assert demo["tables"][0]["table_token"] in shown.stdout


async def test_flags_are_listed_and_set(database: str) -> None:
    listed = await twotop("flags", "list", TWOTOP_DATABASE_URL=database, TWOTOP_DUAL_PAIRING_CODE_ENABLED="false")
    assert "default" in listed.stdout
    assert json.loads((await twotop("flags", "list", "--json", TWOTOP_DATABASE_URL=database)).stdout)[0]["enabled"]
    changed = await twotop("flags", "set", "DUAL_PAIRING_CODE_ENABLED", "off", TWOTOP_DATABASE_URL=database)
    assert changed.stdout == "DUAL_PAIRING_CODE_ENABLED is off (version 1)\n"
    [flag] = json.loads((await twotop("flags", "list", "--json", TWOTOP_DATABASE_URL=database)).stdout)
    assert (flag["enabled"], flag["version"]) == (False, 1)
    shown = await twotop("flags", "list", TWOTOP_DATABASE_URL=database)
    assert "off" in shown.stdout


async def test_a_misspelt_flag_is_refused(database: str) -> None:
    refused = await twotop("flags", "set", "DUAL", "off", TWOTOP_DATABASE_URL=database)
    assert (refused.exit_code, refused.stderr) == (1, "no flag is called DUAL\n")
    assert (await twotop("flags", "set", "DUAL", "maybe", TWOTOP_DATABASE_URL=database)).exit_code == 2


async def test_statistics_show_what_happened_on_a_service_day(database: str) -> None:
    await twotop("import", str(DEMO), TWOTOP_DATABASE_URL=database)
    connection = await asyncpg.connect(database)
    location_id = await connection.fetchval("SELECT id FROM locations WHERE slug = 'lotus-saigon'")
    ended = AnalyticsRecord("session_ended", location_id, date(2026, 1, 9), "dual", "exploring", "idle", 100, 2)
    await insert_records(connection, [ended, replace(ended, duration_s=201, count=1)])
    await connection.close()
    day = ("statistics", "lotus-saigon", "2026-01-09")
    assert json.loads((await twotop(*day, "--json", TWOTOP_DATABASE_URL=database)).stdout) == {
        "location": "lotus-saigon",
        "service_day": "2026-01-09",
        "counts": [
            {
                "kind": "session_ended",
                "mode": "dual",
                "context": "exploring",
                "reason": "idle",
                "events": 2,
                "phones": 3,
                "mean_duration_s": 150.5,
            }
        ],
    }
    shown = (await twotop(*day, TWOTOP_DATABASE_URL=database)).stdout
    assert all(word in shown for word in ("session_ended", "dual", "exploring", "idle", "150"))
    quiet = await twotop("statistics", "lotus-saigon", "2026-01-10", "--json", TWOTOP_DATABASE_URL=database)
    assert json.loads(quiet.stdout)["counts"] == []


async def test_statistics_of_an_unknown_location_or_day_are_refused(database: str) -> None:
    refused = await twotop("statistics", "nowhere", "2026-01-09", TWOTOP_DATABASE_URL=database)
    assert (refused.exit_code, refused.stderr) == (1, "no location is called nowhere\n")
    assert (await twotop("statistics", "nowhere", "yesterday", TWOTOP_DATABASE_URL=database)).exit_code == 2


async def test_a_database_without_tables_says_what_to_run(empty_database: str) -> None:
    refused = await twotop("flags", "list", TWOTOP_DATABASE_URL=empty_database)
    assert (refused.exit_code, refused.stderr) == (1, "the database has no tables yet: run `session-api migrate up`\n")


@pytest.mark.parametrize(
    "command",
    [("flags", "list"), ("import", str(DEMO)), ("demo-info", str(DEMO)), ("statistics", "any", "2026-01-09")],
)
async def test_a_database_that_is_away_is_named(command: tuple[str, ...]) -> None:
    away = await twotop(*command, TWOTOP_DATABASE_URL=NOBODY)
    assert away.exit_code == 3
    assert "TWOTOP_DATABASE_URL" in away.stderr
    assert "nobody" not in away.stderr


async def test_a_database_that_refuses_is_named(postgres_admin_url: str) -> None:
    missing = postgres_admin_url.rsplit("/", 1)[0] + "/there_is_no_such_database"
    refused = await twotop("flags", "list", TWOTOP_DATABASE_URL=missing)
    assert refused.exit_code == 3
    assert "the database (TWOTOP_DATABASE_URL) refuses" in refused.stderr


async def test_outside_development_the_address_must_be_given() -> None:
    refused = await twotop("flags", "list", TWOTOP_ENVIRONMENT="production", TWOTOP_DATABASE_URL="")
    assert refused.exit_code == 2
    assert "TWOTOP_DATABASE_URL" in refused.stderr


async def bury(broker_url: str, *bodies: bytes) -> None:
    connection = await aiormq.connect(broker_url)
    channel = await connection.channel(publisher_confirms=True)
    await declare_consumer_queues(channel, "pairing")
    for number, body in enumerate(bodies):
        properties = spec.Basic.Properties(message_id=f"letter-{number}", message_type="twotop.unknown.v9")
        await channel.basic_publish(body, routing_key=dead_queue_of("pairing"), properties=properties)
    await connection.close()


async def waiting(broker_url: str, queue: str) -> int:
    connection = await aiormq.connect(broker_url)
    try:
        channel = await connection.channel()
        return (await channel.queue_declare(queue, passive=True)).message_count or 0
    finally:
        await connection.close()


async def test_dead_letters_are_listed_and_stay(broker_url: str) -> None:
    await bury(broker_url, b"not json \xff", b"{}")
    listed = await twotop("dead-letters", "list", "pairing", TWOTOP_BROKER_URL=broker_url)
    assert listed.exit_code == 0, listed.output
    assert "pairing: 2 dead letters" in listed.stdout
    assert "twotop.unknown.v9" in listed.stdout
    again: list[dict[str, Any]] = json.loads(
        (await twotop("dead-letters", "list", "pairing.dead", "--json", TWOTOP_BROKER_URL=broker_url)).stdout
    )
    assert [letter["message_id"] for letter in again] == ["letter-0", "letter-1"]
    assert again[0]["body"] == "not json \\xff"


async def test_dead_letters_are_replayed_oldest_first(broker_url: str) -> None:
    await bury(broker_url, b"1", b"2", b"3")
    one = await twotop("dead-letters", "replay", "pairing", "--limit", "1", TWOTOP_BROKER_URL=broker_url)
    assert one.stdout == "1 replayed to pairing\n"
    rest = await twotop("dead-letters", "replay", "pairing", TWOTOP_BROKER_URL=broker_url)
    assert rest.stdout == "2 replayed to pairing\n"
    assert await waiting(broker_url, dead_queue_of("pairing")) == 0
    assert await waiting(broker_url, queue_of("pairing")) == 3


async def test_a_queue_of_nobody_is_refused() -> None:
    refused = await twotop("dead-letters", "list", "kitchen")
    assert refused.exit_code == 2
    assert "'kitchen' is no service: session-api, pairing" in refused.stderr


async def test_a_broker_that_is_away_is_named() -> None:
    away = await twotop("dead-letters", "list", "pairing", TWOTOP_BROKER_URL="amqp://guest:guest@127.0.0.1:1/")
    assert away.exit_code == 3
    assert "the broker (TWOTOP_BROKER_URL) cannot be reached" in away.stderr
