"""`python -m twotop_native`."""

from twotop_native.cli import app

app()
