"""Ways to see change: cursors, queues, received messages, and what keeps a slow service alive."""
