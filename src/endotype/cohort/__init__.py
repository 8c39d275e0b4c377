"""Who is in the study: inputs checked, identities joined, clinical values typed."""
