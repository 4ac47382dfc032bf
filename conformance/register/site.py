"""Writing the register: pages, the signed folders themselves, and the list of revocations, for any web server."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from conformance.register import charts, entries
from conformance.register.entries import Cloud, Entry, Holding, LeftOut, Ranked
from conformance.reports import page
from conformance.signing.revoking import FILE as REVOCATIONS
from core.errors import KitError
from core.signatures import Trust
from modules.certificate import Revocations

TEMPLATES = Path(__file__).parent / "templates"
DATA = "register.json"


@dataclass(frozen=True)
class Register:
    """All that the site shows."""

    day: dt.date
    ranking: Sequence[Ranked]
    held: Sequence[tuple[Cloud, Holding]]
    revocations: Revocations | None
    left_out: Sequence[LeftOut]

    @property
    def runs(self) -> list[Entry]:
        """All runs."""
        return [entry for ranked in self.ranking for entry in ranked.cloud.entries]


def gather(folder: Path, trust: Trust, day: dt.date) -> Register:
    """Read and verify a folder of signed runs. Raises KitError where it, or its list of revocations, is no good."""
    found, left_out = entries.read(folder, trust)
    revocations = entries.read_revocations(folder, trust)
    clouds = entries.clouds(found)
    held = [(cloud, holding) for cloud in clouds for holding in entries.holdings(cloud, revocations, day)]
    return Register(day, entries.rank(clouds, revocations, day), held, revocations, left_out)


def write(folder: Path, trust: Trust, out: Path, day: dt.date) -> Register:
    """Write the site of a folder of signed runs to ``out``, whole or not at all, and return what it shows.

    Raises KitError where ``out`` is there and is no register.
    """
    if out.exists() and not (out / DATA).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise KitError(f"{out}: holds something else than a register", "give a new or empty folder")
    if out.resolve().is_relative_to(folder.resolve()):
        raise KitError(f"{out}: is inside {folder}, and would be read as a run", "give a folder beside it")
    register = gather(folder, trust, day)
    out.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    made.chmod(0o755)
    try:
        _fill(made, register, folder)
        if out.exists():
            shutil.rmtree(out)
        made.rename(out)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return register


def _fill(out: Path, register: Register, folder: Path) -> None:
    environment = page.environment(TEMPLATES)
    environment.globals.update(slug=slug, run_name=run_name, register=register)
    named = Markup("chart-name")
    (out / "clouds").mkdir()
    index = environment.get_template("index.html.j2").render(
        chart=charts.timeline(register.held, register.day, named) if register.held else None
    )
    (out / "index.html").write_text(index, encoding="utf-8")
    for ranked in register.ranking:
        text = environment.get_template("cloud.html.j2").render(
            ranked=ranked,
            cloud=ranked.cloud,
            held=[holding for cloud, holding in register.held if cloud == ranked.cloud],
            chart=charts.history(ranked.cloud, named),
        )
        (out / "clouds" / f"{slug(ranked.cloud)}.html").write_text(text, encoding="utf-8")
    for entry in register.runs:
        shutil.copytree(entry.folder, out / "runs" / run_name(entry))
    if register.revocations:
        shutil.copyfile(folder / REVOCATIONS, out / REVOCATIONS)
    (out / DATA).write_text(json.dumps(as_data(register), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def as_data(register: Register) -> dict[str, Any]:
    """Return the register for programs."""
    return {
        "day": str(register.day),
        "ranking": [
            {
                "place": ranked.place,
                "cloud": ranked.cloud.name,
                "scope": ranked.cloud.scope,
                "level": ranked.best.certificate.level if ranked.best else None,
                "until": str(ranked.best.certificate.until) if ranked.best else None,
                "passed": ranked.passed,
                "requirements": len(ranked.lines),
                "runs": len(ranked.cloud.entries),
            }
            for ranked in register.ranking
        ],
        "certificates": [
            {
                **holding.certificate.model_dump(mode="json", by_alias=True),
                "digest": holding.certificate.digest,
                "state": holding.state,
                "folder": f"runs/{run_name(holding.entry)}",
            }
            for _, holding in register.held
        ],
        "left-out": [{"folder": item.folder.name, "reason": item.reason} for item in register.left_out],
    }


def slug(cloud: Cloud) -> str:
    """Return a name for the page of a cloud: letters that every file system and address holds, and a digest."""
    plain = unicodedata.normalize("NFKD", cloud.name.replace("đ", "d").replace("Đ", "D")).encode("ascii", "ignore")
    words = re.sub(r"[^a-z0-9]+", "-", plain.decode().lower()).strip("-")[:40]
    digest = hashlib.sha256(f"{cloud.name}\x00{cloud.scope}".encode()).hexdigest()
    return f"{words}-{digest[:8]}".strip("-")


def run_name(entry: Entry) -> str:
    """Return a name for the folder of a run: when it began, and a digest of what it is."""
    run = entry.held.run
    return f"{run.started:%Y%m%dT%H%M%S}-{hashlib.sha256(run.model_dump_json().encode()).hexdigest()[:12]}"
