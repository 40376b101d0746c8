"""Where the launcher keeps things, in a folder of the test's own."""

from pathlib import Path

import pytest

from twotop_native import paths
from twotop_native.paths import Layout


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    # Started as root it would keep its data where servers of other users reach it.
    monkeypatch.setattr(paths, "SHARED_DATA", tmp_path / "shared")
    made = Layout.at(tmp_path / "state")
    made.prepare()
    return made
