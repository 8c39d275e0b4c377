"""ACMG/AMP classification of germline variants: criteria one by one, combined by points and by the 2015
rules."""
