"""What whole-system tests are made of: a running stack, guests' phones, followers, load, and what checks them."""
