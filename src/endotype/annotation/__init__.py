"""What a variant does and what is known of it."""
