"""A patient's report as an HL7 FHIR R4 bundle after the Genomics Reporting guide."""

from endotype.reports.fhir.bundle import fhir_bundle

__all__ = ["fhir_bundle"]
