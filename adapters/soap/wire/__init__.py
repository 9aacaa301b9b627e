"""The HTTP side of a SOAP service: one client, and the policies that keep a legacy system from harm."""
