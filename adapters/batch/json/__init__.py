"""JSON lines, and arrays of records inside JSON documents."""
