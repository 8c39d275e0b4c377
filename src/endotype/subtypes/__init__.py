"""Which group a patient belongs to, or why no call can be made."""
