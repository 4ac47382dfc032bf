"""The journal of a leave: written whole, read back, told in a line; and what a leaver's archive lacks is known."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from core.errors import KitError
from modules.leaving import journals, settings
from modules.leaving.models import Journal, LeavingPlan, Phase, Place, Stored, Volume, file_of, volume_part

FILES = Volume(namespace="agc-a", claim="files", uid="1", size="1Gi", bound=True)
NEVER = Volume(namespace="agc-a", claim="never", uid="2", size="1Gi", bound=False)


def journal(phase: Phase = "archiving", *stored: str) -> Journal:
    plan = LeavingPlan(
        unit="1.2025-07-01",
        slug="a-1-250701",
        production=True,
        namespaces=("agc-a",),
        volumes=(FILES, NEVER),
        archive=Place(endpoint="", bucket="b", prefix=""),
        archive_months=12,
        quarantine_days=30,
        users=(),
    )
    parts = tuple(Stored(key="k", version="", size=1, sha256="0", what=what) for what in stored)
    now = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
    return Journal(plan=plan, phase=phase, begun=now, approved_by=("A", "B"), stored=parts)


def test_journal_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Only its owner may read it: it names who approved."""
    made = journals.write(tmp_path, journal())
    assert journals.read(tmp_path, "a-1-250701") == made
    assert [*journals.every(tmp_path)] == [made]
    assert file_of(tmp_path, "a-1-250701").stat().st_mode & 0o777 == 0o600
    journals.remove(tmp_path, "a-1-250701")
    assert journals.read(tmp_path, "a-1-250701") is None


def test_damaged_journal_is_told(tmp_path: Path) -> None:
    """Half a journal is no journal: nothing begins anew over it."""
    journals.write(tmp_path, journal())
    file = file_of(tmp_path, "a-1-250701")
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(KitError, match="not a journal that can be read"):
        journals.read(tmp_path, "a-1-250701")


def test_volume_of_the_same_name_is_another_one() -> None:
    """A claim that was made anew is not archived by what its forerunner had; one that was never used needs nothing."""
    again = FILES.model_copy(update={"uid": "3"})
    found = journal("archiving", volume_part(FILES))
    assert found.unarchived((FILES, NEVER)) == []
    assert found.unarchived((again, NEVER)) == [again]


@pytest.mark.parametrize("phase", ["stopping", "archiving", "quarantined", "deleting", "gone"])
def test_leaver_is_not_applied(tmp_path: Path, phase: Phase) -> None:
    """Applying it would open what was shut, in every phase; whoever stays is applied."""
    journals.refuse_leaver(tmp_path, "a-1-250701")
    journals.write(tmp_path, journal(phase))
    with pytest.raises(KitError, match="a-1-250701 is not applied: leaving: "):
        journals.refuse_leaver(tmp_path, "a-1-250701")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("endpoint: http://s3.example", "archives cross no network in the clear"),
        ("bucket: A", "bucket: 'A' cannot be used"),
        ("prefix: /x", "prefix: '/x' cannot be used"),
        ("secret: x", "secret: is not a field of this file"),
    ],
    ids=["plain-http", "bucket", "prefix", "unknown"],
)
def test_wrong_settings_are_told(tmp_path: Path, line: str, said: str) -> None:
    """Each mistake is named with its field."""
    file = tmp_path / "archive.yaml"
    file.write_text("\n".join([*([] if line.startswith("bucket") else ["bucket: abc"]), line]))
    with pytest.raises(KitError) as caught:
        settings.load(file)
    assert said in caught.value.message


def test_paths_start_at_the_file(tmp_path: Path) -> None:
    file = tmp_path / "archive.yaml"
    file.write_text("bucket: abc\nca: x.crt\ncredentials: keys\n")
    found = settings.load(file)
    assert (found.ca, found.credentials) == (tmp_path / "x.crt", tmp_path / "keys")
