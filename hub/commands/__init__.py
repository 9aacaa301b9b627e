"""The commands of `banyan`, one module a group; heavy imports stay inside the functions."""
