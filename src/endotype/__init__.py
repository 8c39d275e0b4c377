"""From a cohort's variant calls and clinical records to patient-level subtype and target reports.

The packages follow the flow of the data, and import only what stands before them::

    cohort -> variants -> annotation, association -> subtypes -> targets -> reports

``simulation`` stands apart: it makes cohorts whose truth is known.
"""

__version__ = "0.1.0"
