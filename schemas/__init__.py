"""Events as data: envelope, Avro types and codec, registry subjects, names, classification."""
