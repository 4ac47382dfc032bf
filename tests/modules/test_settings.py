"""The stacks' configuration: each wrong key is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import KitError
from core.paths import REPOSITORY
from modules.settings import AgencySettings, CentralSettings, Settings, read


def test_configuration_is_read() -> None:
    """Lists arrive as JSON, other projects' keys are left alone."""
    found = read(CentralSettings, "cgc", {"cgc:services": '["exchange"]', "cgc:level": "4", "other:level": "9"})
    assert (found.services, found.level) == (("exchange",), 4)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "agc:agency is not set"),
        ({"agc:agency": "a.yaml", "agc:kubeconfg": "x"}, "agc:kubeconfg is not a key of this stack"),
        ({"agc:agency": "a.yaml", "agc:cgc_stack": "x"}, "agc:cgc_stack is not a key of this stack"),
    ],
)
def test_wrong_configuration_is_refused(given: dict[str, str], said: str) -> None:
    """A missing or misspelt key is named, and the keys there are."""
    with pytest.raises(KitError, match=said) as caught:
        read(AgencySettings, "agc", given)
    assert "cgc-stack" in caught.value.hint


@pytest.mark.parametrize("services", ["[]", '["Exchange"]', "exchange", "[1"])
def test_wrong_services_are_refused(services: str) -> None:
    """Names of services become names in Kubernetes, so others are refused."""
    with pytest.raises(KitError, match="cgc:services"):
        read(CentralSettings, "cgc", {"cgc:services": services})


def test_kubeconfig_comes_from_key_or_variable(tmp_path: Path) -> None:
    """The key wins over the variable; a path to nothing, or no path at all, is named."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.touch()
    other.touch()
    assert CentralSettings(kubeconfig=one).kubeconfig_path({"KUBECONFIG": str(other)}) == one
    assert CentralSettings().kubeconfig_path({"KUBECONFIG": str(other)}) == other
    with pytest.raises(KitError, match="no kubeconfig"):
        CentralSettings().kubeconfig_path({})
    with pytest.raises(KitError, match="missing is not a file"):
        CentralSettings(kubeconfig=tmp_path / "missing").kubeconfig_path({})


def test_stack_of_another_agency_is_refused() -> None:
    """An agency's file is applied in its own stack and in no other."""
    settings = AgencySettings(agency=Path("a.yaml"))
    settings.check_stack("ha-long-06688-250701", "ha-long-06688-250701")
    with pytest.raises(KitError, match="this is the stack demo"):
        settings.check_stack("demo", "ha-long-06688-250701")


@pytest.mark.parametrize(("stack", "model"), [("cgc", CentralSettings), ("agc", AgencySettings)])
def test_every_key_is_documented(stack: str, model: type[Settings]) -> None:
    """The page beside a stack has a line for each key, with its default."""
    page = (REPOSITORY / "stacks" / stack / "README.md").read_text(encoding="utf-8")
    for name, field in model.model_fields.items():
        (line,) = [it for it in page.splitlines() if it.startswith(f"| `{field.alias or name}` |")]
        default = "" if field.is_required() else field.default
        text = ", ".join(default) if isinstance(default, tuple) else str(default or "")
        assert text in line
