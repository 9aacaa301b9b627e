"""SOAP services: contract from WSDL, polling, calls."""
