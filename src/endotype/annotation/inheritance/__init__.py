"""How the variants of a patient came to him or her, and whether that fits the gene."""
