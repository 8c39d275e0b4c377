"""Ids of resources: the same report gives the same ids, another patient or statement another one."""

from __future__ import annotations

import hashlib
import uuid

NAMESPACE = uuid.UUID("6f0b5f5e-5d0a-5b53-9a53-0d6c3f7c1a11")
"""Fixed for ever: another value would rename every resource that was ever sent."""


def resource_id(kind: str, patient: str, key: str) -> str:
    """A UUID of version 5 (RFC 4122) from the kind of a resource, the patient and what it is about."""
    name = "\0".join([kind, patient, key]).encode("utf-8")
    digest = hashlib.sha1(NAMESPACE.bytes + name, usedforsecurity=False).digest()
    return str(uuid.UUID(bytes=digest[:16], version=5))


def url_of(identity: str) -> str:
    """The address of a resource inside its bundle."""
    return f"urn:uuid:{identity}"
