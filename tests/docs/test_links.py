"""Every relative link in the repository's Markdown leads to a file, and to a heading when it names one."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6}\s+(.*)$", re.MULTILINE)
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def _pages() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    names = listed.stdout.split() if listed.returncode == 0 else [str(page) for page in ROOT.glob("docs/**/*.md")]
    return [ROOT / name for name in names]


def _anchors(page: Path) -> set[str]:
    headings = HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def _broken(page: Path) -> list[str]:
    broken = []
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        destination = (page.parent / path).resolve() if path else page
        if not destination.exists() or (anchor and destination.suffix == ".md" and anchor not in _anchors(destination)):
            broken.append(f"{page.relative_to(ROOT)}: {target}")
    return broken


def test_every_relative_link_leads_somewhere() -> None:
    pages = _pages()
    assert pages
    assert [line for page in pages for line in _broken(page)] == []


def test_every_page_of_the_documentation_is_linked_from_another() -> None:
    pages = [page for page in _pages() if page.is_relative_to(ROOT / "docs") and page.name != "0000-template.md"]
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in _pages()
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not re.match(r"[a-z]+:", target)
    }
    reachable = {path for path in linked if path.is_file()}
    reachable |= {path for folder in linked if folder.is_dir() for path in folder.glob("*.md")}
    assert [str(page.relative_to(ROOT)) for page in pages if page.resolve() not in reachable] == []
