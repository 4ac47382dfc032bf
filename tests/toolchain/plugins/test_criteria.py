"""What programs ask to wait for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from toolchain.plugins.kubernetes_provider import criteria
from toolchain.plugins.kubernetes_provider.criteria import CriterionError

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"generation": 2, "labels": {"a}b": "c", "x.y/z": "w"}},
    "spec": {"nodes": 3, "ratio": 0.5, "on": True},
    "status": {
        "phase": "Running",
        "observedGeneration": 2,
        "conditions": [
            {"type": "Ready", "status": "True"},
            {"type": "Reconciling", "status": "False"},
            {"type": "Synced", "status": "False", "message": "quota"},
            {"type": "Old", "status": "True", "observedGeneration": 1},
        ],
    },
}


def verdict(*texts: str) -> Any:
    text = texts[0] if len(texts) == 1 else json.dumps(texts)
    return criteria.judge({**POD, "metadata": {**POD["metadata"], "annotations": {criteria.WAIT_FOR: text}}})


@pytest.mark.parametrize(
    "text",
    [
        "jsonpath={.status.phase}",
        "jsonpath={.status.phase}=Running",
        "jsonpath={$.status.phase}=Running",
        "jsonpath={ .spec.nodes }=3",
        "jsonpath={.spec.ratio}=0.5",
        "jsonpath={.spec.on}=true",
        "jsonpath={.status}",
        "jsonpath={.metadata.labels['a}b']}=c",
        "jsonpath={.metadata.labels['x.y/z']}=w",
        "jsonpath={.status.conditions[*].type}=Ready",
        'jsonpath={.status.conditions[?(@.type=="Ready")].status}=True',
        "jsonpath={.status.conditions[?@.type=='Ready' || @.type=='Failed'].status}=True",
        'jsonpath={.status.conditions[?(@.type!="Ready")].status}=False',
        "condition=Ready",
        "condition=ready=true",
        "condition=Reconciling=False",
    ],
)
def test_what_holds_is_ready(text: str) -> None:
    """A value that is there, or is the one asked for, and a condition with its status, let a run go on."""
    assert verdict(text).ready


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("jsonpath={.status.address}", "nothing is at jsonpath={.status.address}"),
        ("jsonpath={.status.phase}=Failed", "jsonpath={.status.phase}=Failed is not met: it is Running"),
        ("jsonpath={.spec}=x", "is not met"),
        ("condition=Available", "it has no condition Available"),
        ("condition=Synced", "its condition Synced is False, not True: quota"),
        ("condition=Old", "its condition Old is of an older version"),
    ],
)
def test_what_does_not_hold_is_told(text: str, missing: str) -> None:
    """What is asked for and not there is named, with what is there instead."""
    found = verdict(text)
    assert not found.ready
    assert missing in found.missing


def test_all_of_a_list_must_hold() -> None:
    """A list is met when each of its texts is."""
    assert verdict("condition=Ready", "jsonpath={.status.phase}=Running").ready
    assert not verdict("condition=Ready", "jsonpath={.status.phase}=Failed").ready
    assert not verdict("jsonpath={.status.phase}=Failed", "condition=Ready").ready


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ready",
        "condition=",
        "jsonpath=.status.phase",
        "jsonpath={.status.phase",
        "jsonpath={.status.phase}=",
        "jsonpath={.status.phase}Running",
        "jsonpath={.status.readyReplicas}={.spec.replicas}",
        "jsonpath={.items[]}",
        "'jsonpath={.a}'",
        "[]",
        '["condition=Ready", 1]',
        '{"a": 1}',
    ],
)
def test_what_cannot_be_read_is_told(text: str) -> None:
    """A mistake in the annotation is an error, not a wait without an end."""
    with pytest.raises(CriterionError):
        criteria.parse(text)


def test_without_the_annotation_the_kind_decides() -> None:
    """An object that names nothing is judged by the rule for its kind."""
    assert criteria.judge(POD).ready
    assert not criteria.judge({**POD, "status": {"phase": "Pending"}}).ready
