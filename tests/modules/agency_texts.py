"""A good agency file in which every field is given somewhere, as plain values; and its text, one value a line."""

from __future__ import annotations

import json
from typing import Any

from modules.document import Field

_PERSON = {"email": "office@agency.example.gov.vn", "name": "Văn phòng", "phone": "+84 24 3000 0000"}
_KEY = {"code": "01", "effective": "2025-07-01"}
_TITLE = {"vi": "Một cửa điện tử", "en": "Electronic one-stop desk"}


_SMALL_SYSTEM = {
    "name": "documents",
    "title": {"vi": "Văn bản"},
    "level": 3,
    "data": "personal",
    "reason": "Serves the whole province",
    "exposure": "agency",
}


def _system() -> dict[str, Any]:
    return {
        "name": "one-stop",
        "title": _TITLE,
        "level": 3,
        "data": "personal",
        "reason": "Serves the whole province",
        "exposure": "state",
        "environment": "production",
        "consumes": ["exchange", "identity"],
        "quota": {"cpu": "2", "memory": "4Gi", "storage": "40Gi", "pods": 20},
        "zones": ["edge", "application", "database", "administration"],
        "flows": [
            {"from": "edge", "to": "application", "port": 8080, "protocol": "TCP"},
            {"from": "application", "to": "database", "port": 5432, "protocol": "TCP"},
        ],
        "retention": {"logs": 12, "data": 120},
        "backup": {"every": 12, "keep": 30, "copies": 3, "test": 6, "site": "da-nang"},
    }


def good() -> dict[str, Any]:
    """Return the values of a good file."""
    whole = {
        "code": "00004",
        "effective": "2025-07-01",
        "kind": "commune",
        "short": "ba-dinh",
        "name": {"vi": "Ủy ban nhân dân phường Ba Đình", "en": "People's Committee of Ba Đình Ward"},
        "level": 4,
        "parent": _KEY,
        "contacts": {"owner": _PERSON, "operator": _PERSON, "security": _PERSON},
        "placement": {
            "cluster": "egc",
            "egc": "example-cloud",
            "kubeconfig": "ba-dinh.kubeconfig",
            "certificate": "example-cloud.json",
        },
        "identity": {"issuer": "https://sso.example.gov.vn/realms/state", "mfa": {"claim": "amr", "value": "mfa"}},
        "systems": [_system(), _SMALL_SYSTEM],
        "exchange": {
            "provides": [{"service": "records", "title": "Hồ sơ", "system": "one-stop", "data": "internal"}],
            "consumes": [
                {
                    "service": "land-records",
                    "provider": _KEY,
                    "system": "one-stop",
                    "grant": {"by": _KEY, "document": "12/QĐ-UBND", "date": "2026-01-31", "until": "2028-12-31"},
                }
            ],
        },
    }
    copied: dict[str, Any] = json.loads(json.dumps(whole))  # nothing in it is one object in two places
    return copied


def render(value: object) -> tuple[str, dict[Field, int]]:
    """Write values as YAML, one a line, and tell the line of each field."""
    text: list[str] = []
    lines: dict[Field, int] = {(): 1}
    _write(value, "", (), text, lines)
    return "\n".join(text) + "\n", lines


def at(value: Any, field: Field) -> Any:
    """Return what stands at a place."""
    for part in field:
        value = value[part]
    return value


def _write(value: Any, indent: str, field: Field, text: list[str], lines: dict[Field, int]) -> None:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for part, inner in pairs:
        place = (*field, part)
        lines[place] = len(text) + 1
        head = f"{indent}-" if isinstance(value, list) else f"{indent}{part}:"
        if isinstance(inner, dict | list) and inner:
            if isinstance(value, dict):
                text.append(head)
                _write(inner, f"{indent}  ", place, text, lines)
            else:
                start = len(text)
                _write(inner, f"{indent}  ", place, text, lines)
                text[start] = f"{head} {text[start].lstrip()}"
        else:
            text.append(f"{head} {_scalar(inner)}")


def _scalar(value: object) -> str:
    # JSON is YAML: it quotes all that needs quotes, and a number stays a number
    return "" if value is None else json.dumps(value, ensure_ascii=False)
