from pathlib import Path

from twotop_native.announce import announcement
from twotop_native.run_file import Demo, DemoTable, RunFile, RunningBackend, RunningService, scrape_targets


def running() -> RunFile:
    return RunFile(
        gateway_url="http://127.0.0.1:8080",
        services={"pairing": [RunningService(pid=5, url="http://127.0.0.1:18001")]},
        backends={"postgres": RunningBackend(url="postgresql://127.0.0.1:18002/postgres", pid=6)},
        demo=Demo(
            location_id="l",
            closed_table_token="c",
            disabled_table_token="d",
            tables=[
                DemoTable(number=str(n), table_token=f"t{n}", guest_url=f"http://127.0.0.1:8080/t/t{n}") for n in (1, 2)
            ],
        ),
    )


def test_run_json_has_the_shape_of_the_contract(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    running().write(path)
    assert path.stat().st_mode & 0o777 == 0o600
    read = RunFile.read(path)
    assert read == running()
    content = running().model_dump(mode="json")
    assert content["services"] == {"pairing": [{"pid": 5, "url": "http://127.0.0.1:18001"}]}
    assert content["backends"]["postgres"]["pid"] == 6
    assert content["demo"]["tables"][0] == {
        "number": "1",
        "table_token": "t1",
        "guest_url": "http://127.0.0.1:8080/t/t1",
    }


def test_nothing_runs_without_a_file(tmp_path: Path) -> None:
    assert RunFile.read(tmp_path / "run.json") is None


def test_the_announcement_names_every_table_and_draws_a_code() -> None:
    text = announcement(running())
    assert text.count("http://127.0.0.1:8080/t/t1") == 2
    assert "http://127.0.0.1:8080/t/t2" in text
    assert "▀" in text or "█" in text


def test_prometheus_is_told_every_instance_under_its_services_name() -> None:
    several = running().model_copy(
        update={"services": {"pairing": [RunningService(pid=n, url=f"http://127.0.0.1:1800{n}") for n in (1, 2)]}}
    )
    assert scrape_targets(several) == [
        {"targets": ["127.0.0.1:18001", "127.0.0.1:18002"], "labels": {"job": "pairing"}}
    ]
