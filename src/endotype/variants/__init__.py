"""From variant calls to trusted genotypes: normalisation, filters, the genotype store, quality control."""
