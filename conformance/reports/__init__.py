"""The reports of a run, all made from the one model, and the same each time they are made of it."""

from __future__ import annotations

from pathlib import Path

from conformance.reports import issuing, junit, oscal, page
from conformance.results import Run
from core.files import write_atomic

RESULTS, JUNIT, OSCAL, PAGE, CERTIFICATE = "results.json", "junit.xml", "oscal.json", "report.html", "certificate.json"
MANIFEST, SIGNATURE = "manifest.json", "manifest.json.p7s"


def files(run: Run) -> dict[str, bytes]:
    """Return every report of a run by its file's name; the certificate only where the run yields one."""
    results = f"{run.model_dump_json(indent=2)}\n".encode()
    certificate = issuing.issue(run, results)
    made = {
        RESULTS: results,
        JUNIT: junit.render(run),
        OSCAL: oscal.render(run),
        PAGE: page.render(run, certificate).encode(),
    }
    return made | ({CERTIFICATE: certificate.text().encode()} if certificate else {})


def write(run: Run, folder: Path) -> None:
    """Write all reports of a run into a folder; a certificate and signatures of what was there before go."""
    made = files(run)
    for name in (SIGNATURE, MANIFEST, CERTIFICATE):
        if name not in made:
            (folder / name).unlink(missing_ok=True)
    for name, content in made.items():
        write_atomic(folder / name, content)
