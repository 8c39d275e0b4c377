"""What each variant does to each transcript, record by record: SO terms, HGVS names, codons, new stops."""
