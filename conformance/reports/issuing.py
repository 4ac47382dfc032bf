"""Whether a run yields a certificate, and which: a pure function of the run."""

from __future__ import annotations

import hashlib

from conformance.results import Run, Verdict
from conformance.verdicts import obstacles
from modules.certificate import Certificate, Signed

HOLDING = frozenset({Verdict.PASS, Verdict.WAIVED})


def why_not(run: Run) -> list[str]:
    """Say why a run yields no certificate, one line each; none if it does."""
    return obstacles(run.requirements, run.waivers, run.results, run.extent)


def issue(run: Run, results: bytes) -> Signed[Certificate] | None:
    """Return the certificate of a run whose results.json is ``results``, not signed yet; None if it yields none.

    It holds from the day of the verdicts until the first lifetime or waiver that it rests on ends.
    """
    if why_not(run):
        return None
    certificate = Certificate.model_validate(
        {
            **run.subject.model_dump(),
            "from": run.judged.date(),
            "until": min(line.until for line in run.requirements if line.until and line.verdict in HOLDING),
            "requirements": {str(verdict): count for verdict, count in run.requirement_counts.items() if count},
            "catalogue": f"sha256:{run.catalogue}",
            "results": f"sha256:{hashlib.sha256(results).hexdigest()}",
        }
    )
    return Signed[Certificate](statement=certificate)
