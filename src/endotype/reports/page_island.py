"""Data and code inside a page that loads nothing: JSON for its scripts, and the policy that names them.

The policy lists the SHA-256 of the one style sheet and of the one script of the page, files of this package
both, so that a browser runs no other, whatever found its way into the text of the page.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from markupsafe import Markup

from endotype.reports.text import plain

_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&'\u2028\u2029"}


def island(value: Any) -> Markup:
    """``value`` as JSON that can stand in a ``script`` element: no ``<`` in it, text cleaned, keys sorted."""
    text = json.dumps(
        plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return Markup(text.translate(_ESCAPES))


def content_policy(script: str, style: str) -> str:
    """The content security policy of a page whose only script and style sheet are these two texts.

    Pictures may come from ``data:`` addresses; nothing else can be loaded, and nothing sent.
    """
    return (
        f"default-src 'none'; script-src '{_source(script)}'; style-src '{_source(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
