import sys
import threading
from pathlib import Path

from twotop_common.testing.eventually import eventually
from twotop_native.keeper import FIRST_WAIT_S, LONGEST_WAIT_S, STEADY_AFTER_S, Keeper, next_wait
from twotop_native.processes import Program


def test_the_first_restart_comes_at_once_and_later_ones_wait_longer() -> None:
    waits = [next_wait(0, lived=1)]
    while waits[-1] < LONGEST_WAIT_S:
        waits.append(next_wait(waits[-1], lived=1))
    assert waits[0] == FIRST_WAIT_S
    assert waits == sorted(waits)
    assert next_wait(LONGEST_WAIT_S, lived=1) == LONGEST_WAIT_S


def test_a_program_that_ran_for_a_while_starts_over() -> None:
    assert next_wait(LONGEST_WAIT_S, lived=STEADY_AFTER_S) == FIRST_WAIT_S


def keeper(folder: Path, script: str, notes: list[str]) -> Keeper:
    program = Program("one", [sys.executable, "-c", script])
    return Keeper(program, folder / "one.log", folder / "held", lambda kept: None, notes.append)


async def test_what_ends_is_started_again_until_it_is_told_to_stop(tmp_path: Path) -> None:
    notes: list[str] = []
    kept = keeper(tmp_path, "print('once')", notes)
    kept.start()
    await eventually(lambda: kept.starts >= 3)
    kept.stop()
    assert not kept.is_alive()
    assert "exit code 0" in notes[0]


async def test_a_held_program_is_not_started_before_it_is_released(tmp_path: Path) -> None:
    (tmp_path / "held").touch()
    kept = keeper(tmp_path, "import time; time.sleep(60)", [])
    kept.start()
    assert not threading.Event().wait(0.3)
    assert kept.starts == 0
    (tmp_path / "held").unlink()
    await eventually(lambda: kept.process)
    kept.stop()


async def test_a_program_that_cannot_be_started_is_reported_and_tried_again(tmp_path: Path) -> None:
    notes: list[str] = []
    kept = Keeper(Program("one", ["/nowhere"]), tmp_path / "one.log", tmp_path / "held", lambda k: None, notes.append)
    kept.start()
    await eventually(lambda: len(notes) >= 2)
    kept.stop()
    assert kept.process is None
