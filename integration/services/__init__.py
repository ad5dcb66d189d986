"""Services that we tell: one file each, named as in webhooks/providers. What each must have stands in outgoing.py."""
