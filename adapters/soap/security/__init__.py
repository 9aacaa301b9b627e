"""WS-Security 1.0 and 1.1: user names, timestamps, signatures and encryption of SOAP messages."""
