"""Every screen that the browser tests walk through has its picture on the page of screenshots."""

from __future__ import annotations

from pathlib import Path

from twotop_e2e.screens import SCREENS

PAGE = Path(__file__).parents[2] / "docs" / "screenshots" / "README.md"


def test_every_screen_has_its_picture_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in SCREENS if f'src="{name}.webp"' not in page] == []
