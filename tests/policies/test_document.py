"""The page about the rules is made from them, and shows each."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from core.paths import REPOSITORY
from govcloud import policies_commands
from policies.rules import about, shipped

PAGE = (REPOSITORY / "docs" / "policies.md").read_text(encoding="utf-8")


def test_page_is_up_to_date() -> None:
    """Mend it with: govcloud policies document > docs/policies.md."""
    made = CliRunner().invoke(policies_commands.app, ["document"])
    assert made.exit_code == 0
    assert made.stdout == PAGE


@pytest.mark.parametrize("rule", [about(it) for it in shipped()], ids=lambda it: it.id)
def test_every_rule_is_on_the_page(rule: object) -> None:
    """A rule stands in the contents and has a section with what, why, at which level and how to mend."""
    identity = rule.id  # type: ignore[attr-defined]
    assert f"](#{identity})" in PAGE
    section = PAGE.split(f'<a id="{identity}"></a>')[1].split("\n### ")[0]
    assert rule.description in section  # type: ignore[attr-defined]
    assert "level" in section.split("\n\n")[1]
    assert "Sources: " in section


def test_examples_are_short() -> None:
    """An example shows a way from refused to passed in a few lines."""
    examples = re.findall(r"```diff\n(.*?)\n```", PAGE, flags=re.DOTALL)
    assert len(examples) > 0.9 * len(shipped())
    assert all(len(it.splitlines()) <= 16 and re.search("^[-+]", it, flags=re.MULTILINE) for it in examples)
