"""``govcloud audit``: prove or disprove that a cloud meets the requirements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from conformance import assembly, unfinished
from conformance import run as runner
from conformance.processes import Standing
from conformance.results import Run
from core.console import print_json, progress, say
from govcloud import audit_coverage, audit_doctor, audit_register, audit_results, audit_signing, audit_tenants
from govcloud.audit_console import Folder, Judgements, Previous, TargetFile, Waivers, show_plan, show_run, undecided

app = typer.Typer(help="Prove or disprove that a cloud meets the requirements.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print results.json instead of the summary.")]


@app.command()
def run(
    target: TargetFile,
    out: Annotated[Path, typer.Option("--out", help="Folder for what is written.")] = Path("audit"),
    level: Annotated[int | None, typer.Option(min=1, max=5, help="Security level, instead of the target's.")] = None,
    waivers: Waivers = None,
    judgements: Judgements = None,
    previous: Previous = None,
    *,
    only: Annotated[str, typer.Option(help="Only checks that fit, as pytest -k has it: no certificate then.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be checked; ask nothing.")] = False,
    json: AsJson = False,
) -> None:
    """Audit a cloud. Ends with 0 if all that was checked holds, 1 if something does not, 2 if it is undecided."""
    given = {"waivers": waivers, "judgements": judgements, "previous": previous}
    with undecided(), _shown(out) as (show, note):
        found = runner.audit(
            target,
            out,
            level=level,
            progress=show,
            note=note,
            added=assembly.additions(waivers, judgements, previous),
            files={name: path for name, path in given.items() if path},
            only=only,
            dry_run=dry_run,
        )
    _end(found, out, as_json=json)


@app.command()
def resume(folder: Folder, *, json: AsJson = False) -> None:
    """Go on with a run that was ended early: what it had decided is kept, the rest is checked, all is reported.

    Exit codes are those of ``run``. A target file or a kit that changed since is refused.
    """
    with undecided(), _shown(folder) as (show, note):
        found = runner.resume(folder, progress=show, note=note)
    _end(found, folder, as_json=json)


@contextmanager
def _shown(out: Path) -> Iterator[tuple[Callable[[Standing], None], Callable[[str], None]]]:
    """Show how far a run is, and say how to go on when a person ends it."""
    standing, notes = Standing(), list[str]()
    try:
        with progress() as bar:
            task = bar.add_task("starting", total=None)

            def show(now: Standing) -> None:
                nonlocal standing
                standing = now
                bar.update(task, completed=now.done, total=now.of or None, description=_described(now))

            yield show, notes.append
    except KeyboardInterrupt:
        if (out / unfinished.FOLDER).exists():
            say(f"{standing.done} of {standing.of} checks are decided. Next: govcloud audit resume {out}")
        raise
    finally:
        for line in notes:
            say(line)


def _described(now: Standing) -> str:
    left = "" if now.left is None else f"{now.left // 60:.0f}:{now.left % 60:02.0f} left, "
    return f"{left}{now.last}" if now.of else "starting"


def _end(found: Run, out: Path, *, as_json: bool) -> None:
    if as_json:
        print_json(found.model_dump(mode="json"))
    elif found.extent == "dry-run":
        show_plan(found)
    else:
        show_run(found, out)
    raise typer.Exit(0 if found.extent == "dry-run" else found.exit_code)


audit_coverage.register(app)
audit_doctor.register(app)
audit_tenants.register(app)
audit_results.register(app)
audit_signing.register(app)
audit_register.register(app)
