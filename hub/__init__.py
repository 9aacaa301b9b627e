"""Composition root: settings, command line, embedded services, console."""
