"""What is told of programs that fail, and of policies that refuse."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from core.errors import KitError
from tests.toolchain.plugins.engine import VENV, Cluster, Project
from tests.toolchain.plugins.programs import CONFIG_MAP

pytestmark = pytest.mark.cluster


def test_program_that_fails_shows_its_own_traceback_alone(project: Project) -> None:
    """A program's exception is shown from the program's first frame on, with nothing of the machinery."""
    project.program(
        """
def careless():
    return {}["missing"]

careless()
"""
    )
    with pytest.raises(KitError) as caught:
        project.up()
    text = caught.value.message
    assert "in careless" in text
    assert "KeyError: 'missing'" in text
    for machinery in ("runpy", "run_program", "pulumi/runtime", "asyncio", "exit code"):
        assert machinery not in text


def test_program_that_exits_tells_its_code(project: Project) -> None:
    """A program that ends itself with a code has that code told."""
    project.program("import sys\nsys.exit(7)\n")
    with pytest.raises(KitError, match="exit code 7"):
        project.up()


def test_policy_pack_refuses_with_its_words(project: Project, cluster: Cluster, tmp_path: Path) -> None:
    """A violation of a mandatory policy stops the change before the cluster hears of it; a good change passes."""
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text(f"runtime:\n  name: python\n  options:\n    virtualenv: {VENV}\n")
    (pack / "__main__.py").write_text(
        textwrap.dedent(
            """
            from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

            def blue(args, report):
                if args.props.get("data", {}).get("colour") != "blue" and args.resource_type.endswith(":ConfigMap"):
                    report("REQ-7: colour must be blue; set data.colour to blue")

            PolicyPack("colours", enforcement_level=EnforcementLevel.MANDATORY,
                policies=[ResourceValidationPolicy("blue", "colours are blue", blue)])
            """
        )
    )
    project.program(CONFIG_MAP.replace("blue", "red"))
    with pytest.raises(KitError, match=r"policy blue: .*\n.*REQ-7: colour must be blue; set data.colour to blue"):
        project.up(policy_pack=pack)
    assert cluster.get("configmaps/settings") is None
    project.program(CONFIG_MAP)
    assert project.up(policy_pack=pack).changes == {"create": 2}
    assert cluster.get("configmaps/settings") is not None
