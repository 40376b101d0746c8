"""Bodies of the table paths."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from session_api.venues.domain import Offers, TableStatus, TableView


class LocationBody(BaseModel):
    id: UUID
    name: str
    language: str
    currency: str


class PlaceBody(BaseModel):
    id: UUID
    number: str
    zone: str | None
    seats: int | None


class OffersBody(BaseModel):
    """What the table offers whenever it is open; ``status`` says whether it is."""

    play: bool
    order: bool
    dual: bool


class TableBody(BaseModel):
    """A table as a guest who scanned it sees it. Times are null when it never opens or never closes."""

    location: LocationBody
    table: PlaceBody
    status: Literal["open", "closed", "disabled"]
    opens_at: datetime | None
    closes_at: datetime | None
    offers: OffersBody

    @classmethod
    def of(cls, view: TableView, status: TableStatus, offers: Offers) -> TableBody:
        return cls(
            location=LocationBody(
                id=view.location_id, name=view.location_name, language=view.language, currency=view.currency
            ),
            table=PlaceBody(id=view.table_id, number=view.table_number, zone=view.zone, seats=view.seats),
            status=status.status,
            opens_at=status.opens_at,
            closes_at=status.closes_at,
            offers=OffersBody(play=offers.play, order=offers.order, dual=offers.dual),
        )


class IsOpenBody(BaseModel):
    open: Literal[True]
