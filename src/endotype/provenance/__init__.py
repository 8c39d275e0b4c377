"""What a run was made from, what it made, how, and whether all of that still holds."""
