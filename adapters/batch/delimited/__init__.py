"""Delimited files: RFC 4180 and what legacy systems really write."""
