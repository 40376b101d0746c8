"""What a person sees when everything runs."""

import io

import segno

from twotop_native.run_file import RunFile


def terminal_qr(url: str) -> str:
    """A QR code of half-height blocks, readable from a terminal by a phone's camera."""
    text = io.StringIO()
    segno.make(url, error="m").terminal(out=text, compact=True)
    return text.getvalue()


def announcement(running: RunFile) -> str:
    """The guest URLs, with the first table's as a QR code."""
    lines = [f"Twotop runs at {running.gateway_url}"]
    if running.demo and running.demo.tables:
        first = running.demo.tables[0]
        lines += ["", f"Scan table {first.number}, or open {first.guest_url}", "", terminal_qr(first.guest_url)]
        width = max(len(table.number) for table in running.demo.tables)
        lines += [f"  table {table.number:>{width}}  {table.guest_url}" for table in running.demo.tables]
    lines += ["", "make logs: what the parts say.  make down: stop."]
    return "\n".join(lines)
