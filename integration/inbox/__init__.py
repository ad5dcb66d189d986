"""What comes in: the receiver behind the hooks, what a report counts for, and what was kept to be judged again."""
