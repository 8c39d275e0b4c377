"""The chapters of a report as blocks: the words and tables that the page has, for forms set in pages."""
