"""Events to read models: Faust on a batch transport, projections, the read API."""
