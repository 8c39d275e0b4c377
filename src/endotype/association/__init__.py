"""What a variant or a gene is associated with."""
