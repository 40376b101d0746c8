"""What every service starts from, so that knowing one is knowing all."""
