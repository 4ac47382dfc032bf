"""The names that an audit of one's own cloud gives to what it makes: its tenants' namespaces and their accounts."""

from __future__ import annotations

from collections.abc import Mapping

TENANTS: Mapping[str, str] = {"a": "govcloud-audit-a", "b": "govcloud-audit-b"}
READER = "govcloud-audit-reader"
ACCOUNT = "auditor"
PROBE_ACCOUNT = "probe"
"""Service account of the probe pods; it has no rights."""
