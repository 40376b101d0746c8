"""What can go wrong at a table before any session exists, each with its stable code."""

from __future__ import annotations

from datetime import datetime

from session_api.data_file import DataFileInvalid
from twotop_common.service_defaults.problems import Problem


def table_not_found() -> Problem:
    """404: no table has this token, or this number at this location."""
    return Problem(404, "table_not_found", "There is no such table.")


def location_closed(opens_at: datetime | None) -> Problem:
    """403: outside the opening hours on the location's clock."""
    extra = {"opens_at": opens_at.isoformat().replace("+00:00", "Z")} if opens_at else {}
    return Problem(403, "location_closed", "The restaurant is closed now.", extra=extra)


def table_disabled() -> Problem:
    """423: staff took the table out of use."""
    return Problem(423, "table_disabled", "This table is not in use at the moment.")


class VenueFileInvalid(DataFileInvalid):
    """A venue file cannot be imported."""
