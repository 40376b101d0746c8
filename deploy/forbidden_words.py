"""What must not be in the repository: registry addresses, paths of somebody's machine, promises instead of code.

The words are put together here from pieces, so that this file does not contain what it looks for.
"""

import re
import subprocess
import sys
from pathlib import Path

_HOSTS = (("pypi", "org"), ("files", "pythonhosted", "org"), ("registry", "npmjs", "org"), ("deb", "debian", "org"))
_UNFINISHED = ("TO" + "DO", "FIX" + "ME")
_SWITCHED_OFF = (r"pytest\.mark\." + "skip", r"pytest\.mark\." + "xfail", r"\b(?:it|test|describe)\." + r"skip\(")


def main() -> int:
    """Print each finding as path:line; the exit code says whether there was one."""
    root = Path(__file__).resolve().parents[1]
    patterns = [
        re.compile("|".join(re.escape(".".join(parts)) for parts in _HOSTS)),
        re.compile(re.escape(f"{root.parent}/") + "|/(?:home|Users|root)/[A-Za-z.]"),
        re.compile(rf"\b(?:{'|'.join(_UNFINISHED)})\b"),
        re.compile("|".join(_SWITCHED_OFF)),
    ]
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True)
    found = 0
    for name in filter(None, listed.stdout.split("\0")):
        path = root / name
        try:
            lines = path.read_text().splitlines()
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        for number, line in enumerate(lines, start=1):
            if any(pattern.search(line) for pattern in patterns):
                print(f"{name}:{number}: {line.strip()[:120]}")
                found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
