"""Legacy in: watch SOAP and batch systems and publish every change as an Avro event."""
