"""Every query, by name. The caller owns the transaction."""
