"""Measurements of the whole house, each beside the limit of the machine measured in the same run."""
