"""Apache Kafka and the Apicurio registry on this machine, without an installed Java and without Docker."""
