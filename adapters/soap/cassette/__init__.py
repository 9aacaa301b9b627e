"""Recorded exchanges with a service, personal data replaced, to be played again."""
