"""The rules of the game, pure: what is asked, what happened, where it stands, and the order of the cards."""
