"""A commercial cloud taken into use: what it asks for, what it makes, and which agencies it lets on."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pulumi
import pytest

from core.errors import KitError
from modules import conforming, enterprise, labels
from modules.certificate import Certificate
from modules.components.enterprise_cloud import EnterpriseCloud, admitted
from modules.components.program import on_cluster
from modules.enterprise import Placement
from modules.settings import EnterpriseSettings, read
from tests.modules.agencies import agency
from tests.modules.test_certificate import CLOUD, CONTENT, DAY, ON, Desk
from tests.modules.test_components import PLACEMENT, check, graph
from tests.signers import AUDITOR, Authority, make

STACK = "organization/egc/test"
GIVEN = {"egc:cloud": CLOUD, "egc:level": "3", "egc:location": "VN-CT", "egc:certificate": "c.json"}
EGC = {"cluster": "egc", "egc": CLOUD, "kubeconfig": "own.kubeconfig", "certificate": "c.json"}


@pytest.fixture
def desk(authority: Authority, tmp_path: Path) -> Desk:
    made = Desk(tmp_path, authority)
    made.certificate()
    made.revocations()
    return made


def show(desk: Desk, cloud: str = CLOUD, level: int = 3, on: dt.date = ON) -> Certificate:
    """Show the certificate on a desk to the stack, as its configuration says."""
    keys = {"authority": desk.authority.file, "signer": AUDITOR, "revocations": desk.folder / "revocations.json"}
    given = {**GIVEN, "egc:cloud": cloud, "egc:level": str(level), "egc:certificate": str(desk.folder / "c.json")}
    found = read(EnterpriseSettings, "egc", {**given, **{f"egc:certificate-{k}": str(v) for k, v in keys.items()}})
    return conforming.certified(found, found.certificate, found.cloud, found.level, on)


def test_a_good_certificate_opens_the_cloud(desk: Desk) -> None:
    """The placement says for what the cloud was taken into use, and what that rests on."""
    made = enterprise.placement(show(desk, level=2), 2, "VN-CT")
    assert (made.cloud, made.level, made.until) == (CLOUD, 2, ON + 30 * DAY)
    assert made.certificate == Certificate.model_validate(CONTENT).digest
    assert enterprise.parse(made.model_dump(mode="json"), STACK) == made


@pytest.mark.parametrize(
    ("break_it", "asked", "said"),
    [
        (lambda _: None, {"on": ON + 31 * DAY}, "this list of revocations is for"),
        (lambda desk: desk.certificate(until=str(ON - DAY)), {}, "ended on"),
        (lambda desk: desk.revocations(Certificate.model_validate(CONTENT).digest), {}, "was taken back on"),
        (lambda desk: desk.certificate(make(AUDITOR)), {}, "no trusted authority vouches"),
        (lambda desk: desk.certificate(kind="AGC"), {}, "not of a commercial cloud"),
        (lambda _: None, {"cloud": "other"}, "is of 'example-cloud', and one of 'other' is asked for"),
        (lambda _: None, {"level": 4}, "is for level 3, and one for level 4 is asked for"),
    ],
    ids=["old-list", "ended", "revoked", "forged", "kind", "cloud", "level"],
)
def test_a_certificate_that_does_not_do_is_refused(desk: Desk, break_it: Any, asked: Any, said: str) -> None:
    """What opens nothing to an agency opens nothing to the platform team: one line that says why."""
    break_it(desk)
    with pytest.raises(KitError, match=said) as caught:
        show(desk, **asked)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("key", "value"), [("location", "US-CA"), ("location", "Can Tho"), ("level", "6"), ("cloud", "")]
)
def test_wrong_configuration_is_refused(key: str, value: str) -> None:
    """A place abroad, no level that there is, no name: refused by the key."""
    with pytest.raises(KitError, match=f"egc:{key}"):
        read(EnterpriseSettings, "egc", {**GIVEN, f"egc:{key}": value})


def test_what_is_made() -> None:
    """A guarded namespace with the record of the certificate, labelled with level, place and months of logs."""
    made = graph(lambda: EnterpriseCloud(enterprise.parse(PLACEMENT, STACK)))
    check("enterprise-cloud", made)
    found = made["Namespace/egc-shared"]["inputs"]["metadata"]["labels"]
    facts = {labels.TIER: "egc", labels.SECURITY_LEVEL: "3", labels.LOCATION: "VN-CT", labels.LOG_MONTHS: "12"}
    assert facts.items() <= found.items()
    assert made["egc-shared/ConfigMap/placement"]["inputs"]["data"] == {k: str(v) for k, v in PLACEMENT.items()}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cloud": "other"}, "takes 'other' into use, and the agency is to run on 'example-cloud'"),
        ({"level": 2}, "up to level 2, and the agency has a system of level 3"),
        ({"until": "2026-01-01"}, "that ended on 2026-01-01"),
    ],
)
def test_an_agency_is_let_on_within_what_was_taken_into_use(changes: dict[str, Any], said: str) -> None:
    """Another cloud, a lower level or a certificate that ended since keep an agency away."""
    good = Placement.model_validate(PLACEMENT)
    enterprise.check(good, STACK, CLOUD, 3, ON)
    with pytest.raises(KitError, match=said):
        enterprise.check(Placement.model_validate({**PLACEMENT, **changes}), STACK, CLOUD, 3, ON)


@pytest.mark.parametrize("value", [None, {}, {**PLACEMENT, "version": 2}, {**PLACEMENT, "level": 6}])
def test_what_is_no_placement_is_refused(value: Any) -> None:
    """A stack without a placement, or with one that is not whole, is named."""
    with pytest.raises(KitError, match=STACK):
        enterprise.parse(value, STACK)


def test_the_cluster_waits_for_the_answer() -> None:
    """An agency's cluster is used once the placement was read and fits; without a stack nothing is asked."""
    unit = agency({}, placement=EGC)
    made = graph(lambda: on_cluster(admitted(Path("/k"), unit, STACK, ON)))
    assert made["cluster"]["inputs"]["kubeconfig"] == "/k"
    assert admitted(Path("/k"), unit, "", ON) == "/k"
    with pytest.raises(pulumi.RunError, match="level 3, and the agency has a system of level 4"):
        graph(lambda: on_cluster(admitted(Path("/k"), agency({"level": 4}, placement=EGC), STACK, ON)))
