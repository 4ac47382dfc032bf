"""Policies on what is applied to a cluster."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from core.errors import KitError
from tests.toolchain.plugins.engine import VENV, Cluster, Project
from tests.toolchain.plugins.programs import CONFIG_MAP

pytestmark = pytest.mark.cluster


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
