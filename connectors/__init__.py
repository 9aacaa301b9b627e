"""The outside world: Kafka, schema registry, read-model stores."""
