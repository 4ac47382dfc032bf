"""The stacks' configuration: each wrong key is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import KitError
from core.paths import REPOSITORY
from modules.settings import AgencySettings, CentralSettings, EnterpriseSettings, Settings, read


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


def test_gateways_are_services() -> None:
    """The exchange is its own gateway unless said otherwise; a gateway that is no service is refused by its key."""
    assert read(CentralSettings, "cgc", {}).gateways == {"state": "exchange"}
    assert read(CentralSettings, "cgc", {"cgc:services": '["identity"]'}).gateways == {}
    given = {"cgc:services": '["identity", "ingress"]', "cgc:gateways": '{"internet": "ingress"}'}
    assert read(CentralSettings, "cgc", given).gateways_of("ingress") == ["internet"]
    for wrong in ('{"internet": "nothing"}', '{"moon": "ingress"}'):
        with pytest.raises(KitError, match=r"cgc:gateways.*cannot be used"):
            read(CentralSettings, "cgc", {**given, "cgc:gateways": wrong})


def test_log_store_is_an_address() -> None:
    """A word is no address of a log store."""
    assert AgencySettings(agency=Path("a.yaml"), logs="https://logs.example/in").logs == "https://logs.example/in"
    with pytest.raises(KitError, match="agc:logs"):
        read(AgencySettings, "agc", {"agc:agency": "a.yaml", "agc:logs": "central"})


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


@pytest.mark.parametrize(
    ("stack", "model"), [("cgc", CentralSettings), ("agc", AgencySettings), ("egc", EnterpriseSettings)]
)
def test_every_key_is_documented(stack: str, model: type[Settings]) -> None:
    """The page beside a stack has a line for each key, with its default."""
    page = (REPOSITORY / "stacks" / stack / "README.md").read_text(encoding="utf-8")
    for name, field in model.model_fields.items():
        (line,) = [it for it in page.splitlines() if it.startswith(f"| `{field.alias or name}` |")]
        known = {"services": ("exchange",)}
        default = "" if field.is_required() else field.get_default(call_default_factory=True, validated_data=known)
        if isinstance(default, bool):
            default = str(default).lower()
        if isinstance(default, dict):
            default = tuple(f"{key}: {value}" for key, value in default.items())
        text = ", ".join(default) if isinstance(default, tuple) else str(default or "")
        assert text in line
