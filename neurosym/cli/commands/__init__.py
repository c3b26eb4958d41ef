"""The commands, one command in each file."""
