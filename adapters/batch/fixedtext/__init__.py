"""Fixed text: records whose fields stand at fixed places, without a copybook."""
