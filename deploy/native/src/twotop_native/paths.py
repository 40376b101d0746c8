"""Where the launcher keeps things.

`state` holds what a person looks at: logs, run.json, generated secrets. `data` holds what the servers own. They are the
same folder for an ordinary user. Root's servers run as users of their own, which may not be able to reach a checkout
inside a private folder, so root's data lies under /var/lib/twotop.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

SHARED_DATA = Path("/var/lib/twotop")


def checkout_root() -> Path:
    """The checkout this package is installed from (editable installs keep the source where it is)."""
    return Path(__file__).resolve().parents[4]


def running_as_root() -> bool:
    return os.geteuid() == 0


@dataclass(frozen=True)
class Layout:
    """Every path the launcher writes to, from one state folder."""

    state: Path
    data: Path

    @classmethod
    def at(cls, state: Path) -> "Layout":
        """The layout for a state folder; equal folders give equal layouts, so `down` finds what `up` started."""
        state = state.resolve()
        if not running_as_root():
            return cls(state=state, data=state / "data")
        name = hashlib.sha256(str(state).encode()).hexdigest()[:12]
        return cls(state=state, data=SHARED_DATA / name)

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def held(self) -> Path:
        """One file per program that the supervisor must leave stopped."""
        return self.state / "held"

    @property
    def run_file(self) -> Path:
        return self.state / "run.json"

    @property
    def backends_file(self) -> Path:
        return self.state / "backends.json"

    @property
    def supervisor_file(self) -> Path:
        return self.state / "supervisor.json"

    @property
    def processes_file(self) -> Path:
        """What runs now, for the case that the supervisor itself was killed."""
        return self.state / "processes.json"

    @property
    def secrets_file(self) -> Path:
        return self.state / "secrets.env"

    def log_of(self, program: str) -> Path:
        return self.logs / f"{program}.log"

    def prepare(self) -> None:
        """Make the folders. State is private; data only lets the servers' users pass through to their own part."""
        self.state.mkdir(parents=True, exist_ok=True)
        self.state.chmod(0o700)
        self.logs.mkdir(exist_ok=True)
        self.held.mkdir(exist_ok=True)
        self.data.mkdir(parents=True, exist_ok=True)
        if running_as_root():
            SHARED_DATA.chmod(0o711)
            self.data.chmod(0o711)
