"""What subtypes are looked for in: views of the patients, each a group of typed features."""
