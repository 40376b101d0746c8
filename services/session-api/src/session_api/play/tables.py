"""What session-api stores of question sets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, DateTime
from sqlmodel import Field, SQLModel


class QuestionSetRow(SQLModel, table=True):
    """One version of the questions for one context, as it was imported. Never changed and never deleted."""

    __tablename__ = "question_sets"

    context: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    document: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    imported_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
