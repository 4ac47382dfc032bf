"""The labels that carry the kit's own facts on Kubernetes objects.

Only the platform can label a namespace, so network policies and admission policies may trust these.
"""

from __future__ import annotations

import re
from typing import Final

PREFIX: Final = "govcloud.local"
TIER: Final = f"{PREFIX}/tier"
"""Whose namespace it is: ``cgc`` (central cloud), ``agc`` (an agency's) or ``egc`` (shared, on a commercial cloud)."""
SECURITY_LEVEL: Final = f"{PREFIX}/security-level"
AGENCY: Final = f"{PREFIX}/agency"
"""The agency's slug."""
AGENCY_KEY: Final = f"{PREFIX}/agency-key"
"""The agency's code and the date it takes effect."""
FOUNDER: Final = f"{PREFIX}/founder"
"""The agency that the namespace was made for, where another one took it over in a reform."""
SYSTEM: Final = f"{PREFIX}/system"
ZONE: Final = f"{PREFIX}/zone"
"""Zone of the system, where each has a namespace of its own."""
EXPOSURE: Final = f"{PREFIX}/exposure"
"""On a pod: who outside its namespace may call it."""
GRANTED: Final = f"{PREFIX}/granted"
"""On a namespace, ``true``: it holds a grant for a service of another agency, so it may call the exchange's gateway.
As an annotation with the ending ``-services``: which ones."""
QUARANTINED: Final = f"{PREFIX}/quarantined"
"""On a namespace, ``true``: its agency leaves, its ways are shut, nobody has rights in it, its data is kept."""
LOCATION: Final = f"{PREFIX}/location"
"""Province in which data is stored, as ISO 3166-2 has it: ``VN-HN``."""
ENVIRONMENT: Final = f"{PREFIX}/environment"
DATA_CLASS: Final = f"{PREFIX}/data-class"
"""Most sensitive class of data that a namespace, a volume or a pod holds."""
LOG_MONTHS: Final = f"{PREFIX}/log-months"
DATA_MONTHS: Final = f"{PREFIX}/data-months"
BACKUP: Final = f"{PREFIX}/backup"
"""Start of the labels with the figures of the backup: hours, days, copies, months between trials, second site."""
LOGS_TO: Final = f"{PREFIX}/logs-to"
"""Annotation on a namespace: address to which a collector sends the logs of its pods."""
DNS_NAME: Final = f"{PREFIX}/dns-name"
"""Annotation on a Service: its name below the domain of the platform, for the name server of that domain."""
WORKLOAD: Final = "app.kubernetes.io/name"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"
"""Set on every namespace by Kubernetes itself."""

NAME_LIMIT: Final = 63
"""Longest name of a namespace, a Service or a label value, in characters (RFC 1123 label)."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def consumes(service: str) -> str:
    """Return the label that a namespace carries when it may call the shared service of this name."""
    return f"{PREFIX}/consumes-{service}"


def open_to(gateway: str) -> str:
    """Return the label that a namespace carries when the central cloud's gateway of this name may call it."""
    return f"{PREFIX}/open-to-{gateway}"


def is_name(text: str) -> bool:
    """Tell whether ``text`` can name a namespace or a Service."""
    return len(text) <= NAME_LIMIT and _NAME.fullmatch(text) is not None
