"""The table session: its log, its lifecycle, its roster, and the edges through which phones reach it."""
