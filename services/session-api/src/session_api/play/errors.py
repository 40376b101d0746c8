"""What can go wrong with questions, with its stable code."""

from __future__ import annotations

from twotop_common.service_defaults.problems import Problem


def question_set_not_found() -> Problem:
    """404: nothing was imported for this context, or not this version."""
    return Problem(404, "question_set_not_found", "There are no such questions.")
