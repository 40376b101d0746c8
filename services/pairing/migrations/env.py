from sqlmodel import SQLModel

from pairing import tables  # noqa: F401  the tables register themselves
from twotop_common.service_defaults.migrations import run_env

run_env(SQLModel.metadata)
