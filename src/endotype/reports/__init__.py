"""One report.json per patient, and its renderings."""
