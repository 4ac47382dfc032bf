"""The packs under the real engine, with a program that is not the kit's: refusal, remediation, waivers, levels."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from core.paths import REPOSITORY
from policies.waivers import VARIABLE
from toolchain.pulumi import environment

if TYPE_CHECKING:
    from tests.conftest import Testbed

pytestmark = pytest.mark.cluster

PROGRAM = """
from pulumi_kubernetes.core.v1 import Service

Service("web", metadata={"name": "web", "namespace": "default"}, spec={"ports": [{"port": 80}]})
"""
RULE = "published-service-dual-stack"


@dataclass(frozen=True)
class Foreign:
    """A program that knows nothing of the kit."""

    folder: Path
    variables: Mapping[str, str]

    def pulumi(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the engine."""
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color=never"],
            cwd=self.folder,
            env={**os.environ, **self.variables, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def preview(self, pack: str, *arguments: str, **variables: str) -> tuple[int, str]:
        """Preview with a pack; return the exit code and all that was said."""
        folder = str(REPOSITORY / "policies" / pack)
        done = self.pulumi("preview", "--diff", "--policy-pack", folder, *arguments, **variables)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def foreign(testbed: Testbed, tmp_path_factory: pytest.TempPathFactory) -> Foreign:
    """Write the program, and make its stack."""
    folder = tmp_path_factory.mktemp("foreign")
    runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": str(REPOSITORY / ".venv")}}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "foreign", "runtime": runtime}))
    (folder / "__main__.py").write_text(PROGRAM)
    made = Foreign(folder, environment(folder / "state", testbed.kubeconfig()))
    done = made.pulumi("stack", "init", "test")
    assert done.returncode == 0, done.stderr
    return made


@pytest.mark.parametrize("pack", ["ipv6", "level-1", "level-5"])
def test_pack_refuses_in_a_program_that_is_not_ours(foreign: Foreign, pack: str) -> None:
    """The violation is shown with requirement, place and mend, and the preview fails."""
    code, said = foreign.preview(pack)
    assert code != 0
    assert "[GVC-IP6-03, GVC-IP6-01] Service default/web: spec.ipFamilyPolicy is SingleStack" in said


def test_pack_of_another_area_passes(foreign: Foreign) -> None:
    """The pack about pods finds nothing in a Service."""
    code, said = foreign.preview("baseline")
    assert code == 0, said


def test_remediation_is_asked_for_and_shown(foreign: Foreign, tmp_path: Path) -> None:
    """With the enforcement level that Pulumi has for it, the value is filled in before the eyes of the reader."""
    asked = tmp_path / "config.json"
    asked.write_text(json.dumps({RULE: "remediate"}))
    code, said = foreign.preview("ipv6", "--policy-pack-config", str(asked))
    assert code == 0, said
    assert 'ipFamilyPolicy: "RequireDualStack"' in said
    assert "[remediate]" in said


def test_rule_can_be_made_advisory(foreign: Foreign, tmp_path: Path) -> None:
    """Each rule is a policy of its own, as strict as its user says."""
    asked = tmp_path / "config.json"
    asked.write_text(json.dumps({RULE: "advisory"}))
    code, said = foreign.preview("ipv6", "--policy-pack-config", str(asked))
    assert code == 0, said
    assert "[advisory]" in said


def test_mistake_in_the_configuration_is_told_plainly(foreign: Foreign, tmp_path: Path) -> None:
    """A rule that there is not, because its name is misspelt, is not passed over: nobody would notice."""
    asked = tmp_path / "config.json"
    asked.write_text(json.dumps({f"{RULE}s": "advisory"}))
    code, said = foreign.preview("ipv6", "--policy-pack-config", str(asked))
    assert code != 0
    assert f"{RULE}s is no policy of the pack; did you mean {RULE}?" in said
    assert "Traceback" not in said


def test_all_rules_can_be_made_advisory(foreign: Foreign, tmp_path: Path) -> None:
    """Pulumi's word for every policy is understood."""
    asked = tmp_path / "config.json"
    asked.write_text(json.dumps({"all": "advisory"}))
    code, said = foreign.preview("ipv6", "--policy-pack-config", str(asked))
    assert code == 0, said
    assert "[advisory]" in said


def waivers(tmp_path: Path, expires: str = "2099-12-31") -> str:
    entry = {"rule": RULE, "resource": "Service default/web", "reason": "a", "owner": "b", "approver": "c"}
    file = tmp_path / "waivers.yaml"
    file.write_text(yaml.safe_dump({"waivers": [{**entry, "expires": expires}]}))
    return str(file)


def test_waiver_is_printed_and_passes(foreign: Foreign, tmp_path: Path) -> None:
    """The run passes and says what somebody answers for."""
    code, said = foreign.preview("ipv6", **{VARIABLE: waivers(tmp_path)})
    assert code == 0, said
    assert f"1 of 1: waived until 2099-12-31: {RULE} for Service default/web: a (owner b, approved by c)" in said


def test_expired_waiver_is_refused(foreign: Foreign, tmp_path: Path) -> None:
    """The violation is back, and the waiver itself is told with its file and line."""
    file = waivers(tmp_path, "2020-01-01")
    code, said = foreign.preview("ipv6", **{VARIABLE: file})
    assert code != 0
    assert f"{file}:2: {RULE}, Service default/web: expires: expired on 2020-01-01" in said
    assert "[GVC-IP6-03" in said


def test_waivers_that_cannot_be_read_are_told_plainly(foreign: Foreign, tmp_path: Path) -> None:
    """No preview without the file that was asked for; the mistake is shown, and no traceback."""
    file = tmp_path / "waivers.yaml"
    file.write_text("waivers: [{rule: none}]\n")
    code, said = foreign.preview("ipv6", **{VARIABLE: str(file)})
    assert code != 0
    assert f"{file}:1" in said
    assert "Traceback" not in said
