"""The schema of results.json, for the programs that read it: published as data/audit-results.schema.json."""

from __future__ import annotations

from typing import Any

from conformance.results import VERSION, Run

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Return the schema, made from the model."""
    made = Run.model_json_schema(mode="serialization")
    return {"$schema": _DIALECT, **made, "title": f"Results of an audit by the Government Cloud Kit, version {VERSION}"}
