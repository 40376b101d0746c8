"""Which phones are there, as far as the rules of the game need to know: who has to be asked, and who is waited for."""
