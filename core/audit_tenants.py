"""The names that an audit of one's own cloud gives to what it makes: its tenants' namespaces and their account."""

from __future__ import annotations

from collections.abc import Mapping

TENANTS: Mapping[str, str] = {"a": "govcloud-audit-a", "b": "govcloud-audit-b"}
READER = "govcloud-audit-reader"
ACCOUNT = "auditor"
