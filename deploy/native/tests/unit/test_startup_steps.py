import os
import sys
from pathlib import Path

import pytest

from twotop_native.processes import StartFailed
from twotop_native.startup import Stamps, demo_with_links, digest, run_step


def test_a_step_runs_again_only_when_its_inputs_change(tmp_path: Path) -> None:
    runs: list[str] = []
    file = tmp_path / "stamps.json"
    Stamps(file).once("migrations", "a", lambda: runs.append("a"))
    Stamps(file).once("migrations", "a", lambda: runs.append("again"))
    Stamps(file).once("migrations", "b", lambda: runs.append("b"))
    assert runs == ["a", "b"]


def test_a_failed_step_is_tried_again(tmp_path: Path) -> None:
    def fail() -> None:
        raise StartFailed("no")

    runs: list[int] = []
    stamps = Stamps(tmp_path / "stamps.json")
    with pytest.raises(StartFailed):
        stamps.once("demo", "a", fail)
    stamps.once("demo", "a", lambda: runs.append(1))
    assert runs == [1]


def test_a_fingerprint_changes_with_content_and_ignores_compiled_files(tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    source.write_text("1")
    before = digest([tmp_path])
    compiled = tmp_path / "__pycache__"
    compiled.mkdir()
    (compiled / "a.pyc").write_bytes(b"x")
    assert digest([tmp_path]) == before
    source.write_text("2")
    assert digest([tmp_path]) != before


def test_a_failing_command_is_named_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "startup.log"
    with pytest.raises(StartFailed, match="exit code 3"):
        run_step([sys.executable, "-c", "import sys; print('why', file=sys.stderr); sys.exit(3)"], os.environ, log)
    assert "why" in log.read_text()


def test_guest_urls_are_made_of_origin_and_token() -> None:
    described = {
        "location_id": "l",
        "closed_table_token": "c",
        "disabled_table_token": "d",
        "tables": [{"number": "1", "table_token": "tok"}],
    }
    demo = demo_with_links(described, "http://127.0.0.1:8080")
    assert demo.tables[0].guest_url == "http://127.0.0.1:8080/t/tok"
