"""Where a call may go, and sockets that keep to a deadline: what the door (integration/door.py) stands on."""
