"""Binary parts of SOAP messages: MTOM/XOP and SOAP with attachments."""
