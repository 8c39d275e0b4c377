"""Marks texts that a later stage may show in another language."""

from __future__ import annotations


def N_(message: str, /) -> str:  # noqa: N802 - the name that gettext's tools look for
    """``message`` itself, marked for the catalogue of :mod:`endotype.reports.language`.

    Result files are English whatever the language of the reports, so that they can be compared; a report
    translates them by these marks.
    """
    return message
