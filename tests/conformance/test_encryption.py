"""What the API server counts of its store decides whether Secrets are encrypted there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from conformance.api import Api, TooFewRightsError
from conformance.checks import test_encryption as checks
from conformance.declared import NotDeclaredError
from conformance.plugin import EvidenceBook
from conformance.probes import Tenant
from core.errors import KitError

SERVER = 'apiserver_request_total{code="200"} 7\n'


def counted(**providers: int) -> str:
    """Return what an API server shows under /metrics; ``plain`` stands for Secrets that nothing encrypted."""
    text = SERVER
    for provider, count in providers.items():
        prefix = "" if provider == "plain" else f"k8s:enc:{provider}:v1:first:"
        labels = f'resource="secrets",status="OK",transformer_prefix="{prefix}"'
        text += f'{checks.COUNTED}{{{labels},transformation_type="to_storage"}} {count}\n'
        text += f'{checks.COUNTED}{{{labels},transformation_type="from_storage"}} 99\n'
        key = 'resource="secrets",status="OK",transformer_prefix="first:"'
        text += f'{checks.COUNTED}{{{key},transformation_type="to_storage"}} {count}\n'
        text += f'{checks.COUNTED}{{{labels.replace("secrets", "leases")},transformation_type="to_storage"}} 99\n'
    return text


class Cloud(Api):
    """An API server that stores nothing, and shows one text after the other, the last one for ever."""

    def __init__(self, texts: Sequence[str], *, refuses: bool = False) -> None:
        self.texts = list(texts)
        self.refuses = refuses
        self.stored: list[str] = []

    def text(self, path: str) -> str:
        assert path == "/metrics"
        if self.refuses:
            raise TooFewRightsError("403 you may not")
        return self.texts.pop(0) if len(self.texts) > 1 else self.texts[0]

    def create(self, path: str, manifest: Any) -> dict[str, Any]:
        assert path == "/api/v1/namespaces/one/secrets"
        self.stored.append(manifest["metadata"]["name"])
        return dict(manifest)

    def remove(self, path: str) -> None:
        self.stored.remove(path.rpartition("/")[2])


def judge(cloud: Cloud) -> EvidenceBook:
    evidence = EvidenceBook()
    checks.test_secret_is_stored_encrypted(Tenant("a", cloud, ("one",)), cloud, "run", evidence)
    assert cloud.stored == []
    return evidence


def test_a_secret_that_is_encrypted_passes() -> None:
    """Also where the count rises at the second try alone, as other API servers answer in turn."""
    still, risen = counted(secretbox=4), counted(secretbox=5)
    assert "1 by k8s:enc:secretbox" in judge(Cloud([still, risen])).entries[0].saw
    judge(Cloud([still, still, still, risen]))


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([counted(secretbox=4), counted(secretbox=4, plain=1)], "unencrypted: 1 by nothing"),
        ([counted(secretbox=4, plain=3), counted(secretbox=5, plain=4)], "unencrypted: 1 by nothing, 1 by k8s"),
        ([SERVER], "encrypts nothing that it stores"),
    ],
)
def test_a_secret_that_is_not_encrypted_fails(texts: Sequence[str], said: str) -> None:
    """One that nothing encrypts is counted as such; a server that never encrypts counts none."""
    with pytest.raises(AssertionError, match=said):
        judge(Cloud(texts))


@pytest.mark.parametrize(
    ("cloud", "kind", "said"),
    [
        (Cloud([counted(secretbox=4)]), KitError, "does not rise in 5 tries"),
        (Cloud(["up 1\n"]), KitError, "does not hold what an API server counts"),
        (Cloud([""], refuses=True), NotDeclaredError, "reader that may read /metrics"),
    ],
)
def test_what_shows_nothing_is_no_verdict(cloud: Cloud, kind: type[KitError], said: str) -> None:
    """A count that stands still, another program's counts, or a reader without the right."""
    with pytest.raises(kind, match=said):
        judge(cloud)
