"""From a WSDL to a working adapter: what its operations look like, settings, and a service to try them on."""
