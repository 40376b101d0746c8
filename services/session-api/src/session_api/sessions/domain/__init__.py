"""Pure rules of the session: state, events, commands, the Decider, lifetimes and what each participant may see."""
