"""Pure rules of sockets: order of a room's log, who may stay, presence, limits, close codes. No I/O."""
