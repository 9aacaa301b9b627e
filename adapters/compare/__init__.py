"""What differs between two extracts, whatever their size: fingerprints, a join by key, images of the rest."""
