"""Anonymous statistics made from the log: counts and durations, never who."""
