"""What can be acted on, ranked by evidence, with its uncertainty."""
