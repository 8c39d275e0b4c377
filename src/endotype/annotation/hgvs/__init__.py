"""HGVS names: written from variants, read, normalised and projected."""
