"""Healthy when the read API, the façade and the console of this container answer."""

import sys
import urllib.request

PORTS = (8600, 8601, 8602)

for port in PORTS:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=3)
    except OSError as error:
        sys.exit(f"port {port}: {error}")
