"""What a page of HTML may load (Content Security Policy, W3C): a value that was missed when escaping runs nowhere.

A page on a disk has no origin that all browsers agree on: Firefox and Safari take ``'self'`` for nothing there, so the
scheme ``file:`` stands beside it. Served from a host, ``file:`` leads nowhere.
"""

from __future__ import annotations

import base64
import hashlib

OWN = "'self' file:"
"""What lies beside the page, on a disk or on a host."""


def policy(**sources: str) -> str:
    """A policy that forbids all but ``sources``: by directive, with an underscore for its hyphen, what it allows."""
    allowed = {"default_src": "'none'", "base_uri": "'none'", "form_action": "'none'"} | sources
    return "; ".join(f"{directive.replace('_', '-')} {source}" for directive, source in allowed.items())


REPORT_POLICY = policy(script_src=OWN, style_src=OWN, img_src=f"{OWN} data:")
"""Pages with files beside them: no script and no style stands in them."""


def policy_of_one_file(style: str) -> str:
    """The policy of a page that is one file: no script, the one style sheet in it, by its hash, and its pictures.

    Parameters
    ----------
    style : str
        All that stands between the tags of the style sheet.
    """
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return policy(style_src=f"'sha256-{digest}'", img_src="data:")
