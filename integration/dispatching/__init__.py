"""What goes out: who must be told, the messages that wait, and the worker that sends them."""
