"""What the kit's commands tell of a run of the engine."""

from __future__ import annotations

from pulumi.automation.events import DiagnosticEvent, EngineEvent, OpType, PolicyEvent, SummaryEvent

from toolchain import automation

URN = "urn:pulumi:demo::cgc::govcloud:Team$kubernetes:core/v1:Namespace::shared"
STACK = "urn:pulumi:demo::cgc::pulumi:pulumi:Stack::cgc-demo"


def said(*events: EngineEvent) -> automation._Heard:
    heard = automation._Heard()
    for event in events:
        heard.add(event)
    return heard


def diagnostic(message: str, urn: str | None = URN, severity: str = "error") -> EngineEvent:
    return EngineEvent(0, 0, diagnostic_event=DiagnosticEvent(message, "never", severity, urn=urn))


def test_faults_name_the_resource_as_a_person_knows_it() -> None:
    """Type and name, not the engine's address, without its colours and counts; nothing is told twice."""
    fault = "<{%fg 1%}>error: 1 error occurred:\n\t* no room<{%reset%}>\n"
    heard = said(diagnostic(fault), diagnostic(fault), diagnostic("boom", STACK), diagnostic("ok", severity="info"))
    assert heard.faults == ["kubernetes:core/v1:Namespace shared: no room", "program: boom"]


def test_what_only_follows_from_a_fault_is_not_told() -> None:
    """That the update failed is known without being said."""
    assert said(diagnostic("update failed", STACK), diagnostic("preview failed", None)).faults == []


def test_violation_that_must_not_be_is_told_and_advice_is_not() -> None:
    """A mandatory policy's message is a fault; an advisory one's is not."""
    heard = said(
        *(
            EngineEvent(0, 0, policy_event=PolicyEvent(f"{level} text", "never", "rule", "pack", "1", "1", level, URN))
            for level in ("mandatory", "advisory")
        )
    )
    assert heard.faults == ["kubernetes:core/v1:Namespace shared: policy rule: mandatory text"]


def test_counts_are_of_resources_left_and_changed() -> None:
    """Deleted resources are changes, and are not among those left."""
    changes = {OpType.SAME: 3, OpType.CREATE: 2, OpType.UPDATE: 1, OpType.DELETE: 4}
    heard = said(
        EngineEvent(
            0,
            0,
            summary_event=SummaryEvent(
                maybe_corrupt=False, duration_seconds=1, resource_changes=changes, policy_packs={}
            ),
        )
    )
    done = automation.Summary("up", heard.changes, 1.0)
    assert (done.resources, done.changed) == (6, 7)
