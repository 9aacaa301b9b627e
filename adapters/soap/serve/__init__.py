"""An imported contract served: old callers send SOAP to us, faults, ?wsdl and all."""
