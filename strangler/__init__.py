"""Move one operation at a time: stages, façade, parity, decisions."""
