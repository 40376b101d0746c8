"""Restaurant companies, their restaurants and tables: who is open when, what a table offers, how they are imported."""
