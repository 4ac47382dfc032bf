"""The register: a file an agency, found by whatever names it, and one run at a time."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import KitError
from modules.onboarding import register
from modules.onboarding.budgets import Share
from modules.onboarding.drift import differences, drift
from modules.onboarding.register import Entry
from modules.quantities import Amounts
from tests.modules.agencies import agency


def entry(key: str = "22.2025-07-01", **more: object) -> Entry:
    usual = {"stack": f"x-{key[:2]}-250701", "kind": "province", "file": "x.yaml", "state": "applied"}
    return Entry.model_validate({"key": key, **usual, "cluster": "cgc-1", "kubeconfig": "k", **more})


def test_entry_is_read_as_it_was_written(tmp_path: Path) -> None:
    """What was recorded comes back, and nobody else may read it: it says where kubeconfigs are."""
    whole = entry(share=Share(needs=Amounts(1, 2, 3, 4), budget=Amounts(9, 9, 9, 9), below={"a": Amounts(1)}))
    register.write(tmp_path, whole)
    assert register.read(tmp_path, whole.key) == whole
    assert list(register.every(tmp_path)) == [whole]
    (file,) = register.folder_of(tmp_path).glob("*.json")
    assert file.stat().st_mode & 0o077 == 0
    register.remove(tmp_path, whole.key)
    assert register.read(tmp_path, whole.key) is None


def test_agency_is_found_by_code_key_and_stack(tmp_path: Path) -> None:
    """A code that was given twice is not guessed at; a name that leads out of the folder finds nothing."""
    for key in ("22.2025-07-01", "01.2025-07-01", "01.2004-01-01"):
        register.write(tmp_path, entry(key, stack=f"x-{key}"))
    for name in ("22", "22.2025-07-01", "x-22.2025-07-01"):
        assert register.find(tmp_path, name).key == "22.2025-07-01"
    with pytest.raises(KitError, match=r"01 is the code of several agencies: 01\.2004-01-01, 01\.2025-07-01"):
        register.find(tmp_path, "01")
    for name in ("23", "2", "*", "../agencies/22.2025-07-01", ""):
        with pytest.raises(KitError, match="no agency of this code, key or stack is known"):
            register.find(tmp_path, name)


def test_second_run_is_refused_at_once(tmp_path: Path) -> None:
    """Two runs never work on one agency; two agencies do not wait for each other."""
    with (
        register.alone(tmp_path, "A"),
        register.alone(tmp_path, "B"),
        pytest.raises(KitError, match="A: another run is at work on this agency"),
        register.alone(tmp_path, "A"),
    ):
        pass
    with register.alone(tmp_path, "A"):
        pass


def test_changes_of_others_are_kept(tmp_path: Path) -> None:
    """Runs that change different facts of one agency at the same moment lose none of them."""
    register.write(tmp_path, entry(resources=0))

    def work(number: int) -> None:
        for _ in range(20):
            known = register.read(tmp_path, "22.2025-07-01")
            assert known
            if number:
                register.update(tmp_path, known.key, state="applying")
                register.update(tmp_path, known.key, state="applied", resources=known.resources + 1)
            else:
                register.update(tmp_path, known.key, seconds=known.seconds + 1)

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(work, range(2)))
    known = register.read(tmp_path, "22.2025-07-01")
    assert known
    assert (known.resources, known.seconds, known.state) == (20, 20, "applied")
    assert register.update(tmp_path, "23.2025-07-01", state="failed") is None


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_damaged_entry_is_named(tmp_path: Path, text: str) -> None:
    """A file that was damaged is named, not taken for an agency that is new."""
    register.write(tmp_path, entry())
    (file,) = register.folder_of(tmp_path).glob("*.json")
    file.write_text(text, encoding="utf-8")
    with pytest.raises(KitError, match=r"22\.2025-07-01\.json: "):
        register.read(tmp_path, "22.2025-07-01")


def test_differences_are_told_by_field() -> None:
    """A person reads which field of the file says something else; the order of fields says nothing."""
    old = {"level": 2, "systems": [{"name": "a", "quota": {"cpu": "1"}}], "short": "x"}
    new = {"short": "x", "systems": [{"name": "a", "quota": {"cpu": "2"}}], "level": 2, "identity": {}}
    assert list(differences(old, new)) == ["systems[0].quota.cpu", "identity"]
    assert list(differences(old, {**old, "systems": []})) == ["systems"]
    assert list(differences(old, json.loads(json.dumps(old)))) == []


def test_drift_names_what_became_of_the_file(tmp_path: Path) -> None:
    """A file that is gone, broken or another one's is said to be that."""
    file = tmp_path / "x.yaml"
    content = agency({}).model_dump(mode="json", by_alias=True, exclude_unset=True)
    known = entry(file=str(file), content=content)
    assert drift(known) == ["the file is gone"]
    file.write_text(json.dumps(content), encoding="utf-8")
    assert drift(known) == []
    file.write_text(json.dumps({**content, "level": 4}), encoding="utf-8")
    assert drift(known) == ["level"]
    file.write_text(json.dumps({**content, "code": "23"}), encoding="utf-8")
    assert drift(known) == ["the file is that of 23.2025-07-01"]
    file.write_text("{", encoding="utf-8")
    assert drift(known) == ["the file cannot be used: see govcloud agency validate"]
    assert drift(entry(content=None)) == ["not applied yet"]
