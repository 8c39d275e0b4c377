"""Consequences that the user's files already carry: VEP, SnpEff, bcftools csq and MAF, read as one table."""
