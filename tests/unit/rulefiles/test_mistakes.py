"""What is wrong with an automation, and what it means: one line for each mistake, with its place and its mend."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.rulefiles.marked import told

RULE = [
    ("throttle: {limit: ^0, per: 1m}", "[bad-value] 'limit' is at least 1, not 0"),
    ("throttle: {limit: 1, per: ^0}", "[bad-value] 'per' is more than 0, not 0"),
    ("throttle: ^{per: 1m}", "[missing-key] a throttle needs 'limit'"),
    ("throttle: ^5", "[wrong-type] 'throttle' wants a mapping, not 5"),
    ("throttle: {limit: 1, per: 1m, for_each: ^5}", "[wrong-type] one text or a list of texts is wanted here"),
    ("debounce: {quiet: 1m, at_most: ^5s}", "[bad-debounce] 'at_most' is at least 'quiet'"),
    ("debounce: {quiet: ^0}", "[bad-value] 'quiet' is more than 0, not 0"),
    ("debounce: ^{at_most: 5s}", "[missing-key] a debounce needs 'quiet'"),
    ("debounce: {^quite: 5s}", "[unknown-key] 'quite' is not a debounce field; did you mean 'quiet'?"),
    ("enabled: ^no", "[wrong-type] 'enabled' wants true or false, not 'no'; write false"),
    ("tags: ^a", "[wrong-type] 'tags' wants a list, not 'a'"),
    ("tags: [a, ^5]", "[wrong-type] each of 'tags' wants text, not 5"),
    ("allow_cycle: ^maybe", "[wrong-type] 'allow_cycle' wants true or false, not 'maybe'; write true or false"),
    ("description: ^null", "[wrong-type] 'description' wants text, not nothing"),
    (
        "actions_on_resolve: [{type: ^emit-evnt}]",
        "[bad-value] 'type' cannot be 'emit-evnt'; did you mean 'emit-event'?",
    ),
    ("actions_on_resolve: ^{type: emit-event}", "[wrong-type] 'actions_on_resolve' wants a list, not a mapping"),
    (
        "actions_on_trigger: [{type: do-nothing, ^url: x}]",
        "[unknown-key] 'url' is not a do-nothing field; it belongs to 'type: call-webhook'",
    ),
    (
        "throttle: {limit: 1, per: 1, for_each: [^'related:x', ^payload.]}",
        "[bad-group] 'related:x' is no group label; write a label of the resource, "
        "'related:<role>:<label>' or 'payload.<path>'\n"
        "[bad-group] 'payload.' is no payload path; write payload.<key>, and a dotted key in quotes",
    ),
]
ACTION = [
    (
        "^{type: emit-event}",
        "[missing-key] an emit-event needs 'event'\n[missing-key] an emit-event needs 'resource'",
    ),
    ("{type: emit-event, event: e, resource: ^{}}", "[missing-key] the 'resource' of an event needs 'id'"),
    (
        "{type: emit-event, event: e, resource: ^{id: x, prefect.resource.id: y}}",
        "[bad-label] 'id' stands for 'prefect.resource.id'; write one",
    ),
    (
        "{type: emit-event, event: e, resource: {id: x}, related: [^{id: y}]}",
        "[missing-key] each of 'related' needs 'role'",
    ),
    ("{type: emit-event, event: e, resource: {id: ^5}}", "[wrong-type] 'id' wants text, not 5"),
    (
        "{type: emit-event, event: e, resource: {id: ^'{{ a( }}'}, related: [{role: a, id: ^'{{ b( "
        "}}'}], payload: {c: [^'{{ c( }}']}}",
        "[bad-template] unexpected '}', expected ')'\n"
        "[bad-template] unexpected '}', expected ')'\n"
        "[bad-template] unexpected '}', expected ')'",
    ),
    ("^{type: run-deployment}", "[no-target] write either 'deployment' or 'deployment_id', or 'source: inferred'"),
    (
        "{type: run-deployment, deployment: a, deployment_id: ^b}",
        "[two-targets] write either 'deployment' or 'deployment_id', or 'source: inferred'",
    ),
    (
        "{type: run-deployment, deployment: ^a, source: inferred}",
        "[two-targets] 'source: inferred' takes it from the event; leave 'deployment' out",
    ),
    (
        "{type: run-deployment, deployment: a, ^url: b}",
        "[unknown-key] 'url' is not a run-deployment field; it belongs to 'type: call-webhook'",
    ),
    (
        "{type: run-deployment, deployment: a, schedule_after: ^5 minutes}",
        "[bad-duration] '5 minutes' is no duration; write seconds as a number, or '30s', '5m', '1h30m', 'PT5M'",
    ),
    ("{type: run-deployment, deployment: ^''}", "[bad-value] 'deployment' must not be empty"),
    ("^{type: call-webhook}", "[no-target] write 'url', or 'block_document_id' with a Prefect server"),
    (
        "^{type: call-webhook, url: x, block_document_id: y}",
        "[no-target] write 'url', or 'block_document_id' with a Prefect server",
    ),
    (
        "{type: call-webhook, url: x, payload: ^y}",
        "[bad-field] 'payload' belongs to 'block_document_id'; write 'body'",
    ),
    ("{type: call-webhook, url: x, headers: {a: ^5}}", "[wrong-type] 'a' wants text, not 5"),
    ("{type: call-webhook, url: x, timeout: ^0}", "[bad-value] 'timeout' is more than 0, not 0"),
    (
        "^{type: send-notification, body: x}",
        "[no-target] write 'to', or 'block_document_id' with a Prefect server",
    ),
    (
        "^{type: send-notification, to: [], body: x}",
        "[no-target] write 'to', or 'block_document_id' with a Prefect server",
    ),
    ("{type: send-notification, to: [^5], body: x}", "[wrong-type] each of 'to' wants text, not 5"),
    ("{type: send-notification, to: a, body: ^'{{ x( }}'}", "[bad-template] unexpected '}', expected ')'"),
    (
        "^{type: pause-automation}",
        "[no-target] write either 'automation' or 'automation_id', or 'source: inferred'",
    ),
    (
        "{type: pause-work-pool, work_pool: a, work_pool_id: ^b}",
        "[two-targets] write either 'work_pool' or 'work_pool_id', or 'source: inferred'",
    ),
    (
        "{type: change-flow-run-state, state: ^completed}",
        "[bad-value] 'state' cannot be 'completed'; did you mean 'COMPLETED'?",
    ),
    (
        "^{type: change-flow-run-state, state: COMPLETED, message: ^'{{ x( }}'}",
        "warning: [needs-prefect] this change-flow-run-state needs a Prefect server, and no sink "
        "leads to one; declare a sink of type 'prefect' in automations.toml, or name an object of "
        "this engine\n"
        "[bad-template] unexpected '}', expected ')'",
    ),
    (
        "{type: ^declare-incident}",
        "[bad-value] 'type' is one of run-deployment, call-webhook, send-notification, emit-event, "
        "pause-automation, resume-automation, pause-deployment, resume-deployment, pause-work-pool, "
        "resume-work-pool, pause-work-queue, resume-work-queue, cancel-flow-run, suspend-flow-run, "
        "resume-flow-run, delete-flow-run, change-flow-run-state, do-nothing, not 'declare-incident'",
    ),
    (
        "^{deployment: x}",
        "[missing-key] each of 'actions' needs 'type'; the types are run-deployment, call-webhook, "
        "send-notification, emit-event, pause-automation, resume-automation, pause-deployment, "
        "resume-deployment, pause-work-pool, resume-work-pool, pause-work-queue, resume-work-queue, "
        "cancel-flow-run, suspend-flow-run, resume-flow-run, delete-flow-run, change-flow-run-state, "
        "do-nothing",
    ),
    ("^5", "[wrong-type] each of 'actions' wants a mapping, not 5"),
    (
        "{type: ^[a]}",
        "[bad-value] 'type' is one of run-deployment, call-webhook, send-notification, emit-event, "
        "pause-automation, resume-automation, pause-deployment, resume-deployment, pause-work-pool, "
        "resume-work-pool, pause-work-queue, resume-work-queue, cancel-flow-run, suspend-flow-run, "
        "resume-flow-run, delete-flow-run, change-flow-run-state, do-nothing, not a list",
    ),
    ("{^typ: run-deployment, deployment: x}", "[unknown-key] 'typ' is no field here; did you mean 'type'?"),
    (
        "{type: run-deployment, ^deploymnt: x}",
        "[unknown-key] 'deploymnt' is not a run-deployment field; did you mean 'deployment'?",
    ),
    (
        "{type: run-deployment, ^run-deployment: y, deployment: x}",
        "[unknown-key] 'run-deployment' is not a run-deployment field; did you mean 'deployment'?",
    ),
    (
        "{type: call-webhook, url: 'https://x', method: ^post}",
        "[bad-value] 'method' is one of POST, PUT, PATCH, GET, DELETE, not 'post'; did you mean 'POST'?",
    ),
    (
        "{type: run-deployment, deployment: ^'{{ labels.x }}'}",
        "warning: [not-templated] 'deployment' is taken literally: it is never templated",
    ),
    (
        "{type: run-deployment, deployment: x, parameters: {a: [1, ^'{{ evnt.id }}']}}",
        "warning: [unknown-name] no template can read 'evnt'; did you mean 'event'?",
    ),
    (
        "{type: run-deployment, deployment: x, parameters: {a: [{^'{{ count }}': 1}]}}",
        "warning: [template-in-key] the key '{{ count }}' is taken literally: keys are never templated",
    ),
    (
        "{type: call-webhook, url: 'https://x', body: {__prefect_kind: jinja, template: ^'{{ x( }}'}}",
        "[bad-template] unexpected '}', expected ')'",
    ),
    (
        "{type: call-webhook, url: 'https://x', body: {__prefect_kind: none, value: {a: "
        "^[{__prefect_kind: json, value: '{'}]}}}",
        "[bad-json] this is no JSON: unexpected end of data: line 1 column 2 (char 1)",
    ),
    (
        "{type: call-webhook, url: 'https://x', body: {__prefect_kind: ^workspace_variable, variable_name: x}}",
        "[bad-prefect-kind] 'workspace_variable' is no form of value; write 'jinja' with 'template' "
        "(text), 'json' with 'value' (text), or 'none' with 'value'",
    ),
    (
        "{type: call-webhook, url: ^'https://{{ x() }}'}",
        "[bad-template] calls are not part of the language; use a filter, such as | items, | upper, | length",
    ),
]
WHOLE = [
    (
        "name: a\n^trigger: {}\nactions: [{type: run-deployment, deployment: x}]",
        "[matches-everything] the trigger matches every event, and the actions run something; name "
        "the events in 'expect', or filter by 'match'",
    ),
    (
        "name: a\ntrigger: {triggers: [{expect: x}, ^{within: 5s, threshold: 3}]}\nactions: [{type: "
        "run-deployment, deployment: x}]",
        "[matches-everything] this part matches every event, and the actions run something; name the "
        "events in 'expect', or filter by 'match'",
    ),
    (
        "name: a\ntrigger: {triggers: [{expect: x, ^for_each: [a]}, {expect: y}]}\nactions: [{type: "
        "run-deployment, deployment: x}]",
        "warning: [pooled-groups] the parts' groups pool: a firing of one group and a firing of "
        "another make the whole fire; write 'for_each' beside 'triggers', and the parts have to "
        "agree on it",
    ),
    (
        "name: a\ntrigger: {expect: a, match_related: ^{role: tag, id: '!x'}}\nactions: [{type: "
        "run-deployment, deployment: x}]",
        "warning: [some-other] this means: some resource in that role has another 'id', whatever the "
        "rest of them have; to forbid it, write a spec of the exclusion alone: {id: ...}",
    ),
    (
        "name: a\ntrigger: {expect: a}\nactions: [^{type: run-deployment, deployment_id: x}]",
        "warning: [needs-prefect] this run-deployment needs a Prefect server, and no sink leads to "
        "one; declare a sink of type 'prefect' in automations.toml, or name an object of this engine",
    ),
    (
        "^name: a\ntrigger: {expect: automations.run.Failed}\nactions: [{type: run-deployment, deployment: x}]",
        "[cycle] 'a' causes 'automations.run.Failed' events, which lead back to it, and no filter "
        "keeps them apart; filter, say by match_related: {id: '!automations.automation.NAME'} where "
        "runs follow runs, or write allow_cycle: true",
    ),
    (
        "^name: a\ntrigger: {expect: a}\nactions: [{type: emit-event, event: a, resource: {id: x}}]",
        "[cycle] 'a' causes 'a' events, which lead back to it, and no filter keeps them apart; "
        "filter, say by match_related: {id: '!automations.automation.NAME'} where runs follow runs, "
        "or write allow_cycle: true",
    ),
    (
        "^name: a\ntrigger: {expect: prefect.flow-run.Failed}\nactions: [{type: run-deployment, deployment: x}]",
        "warning: [may-cycle] 'a' starts runs, and takes the states of runs of a Prefect server: its "
        "own among them; keep them apart by a filter, such as match_related: {id: "
        "'!prefect.deployment.ID'}, or allow_cycle: true",
    ),
    (
        "name: a\ntrigger: {expect: x}\nactions: [{type: do-nothing}]\n^actions_on_resolve: [{type: "
        "do-nothing}]\n",
        "warning: [never-resolves] this trigger never resolves, so these actions never run; "
        "Proactive and metric triggers resolve",
    ),
    (
        "^id: 0d1c3f52-5d3a-4a56-9c70-1c8b8a2f0a11\n^created: '2026-01-01T00:00:00Z'\nname: a\ntrigger: "
        "{^id: 0d1c3f52-5d3a-4a56-9c70-1c8b8a2f0a11, expect: x}\nactions: [{type: do-nothing}]",
        "warning: [ignored-key] 'id' is of Prefect's export and means nothing here\n"
        "warning: [ignored-key] 'created' is of Prefect's export and means nothing here\n"
        "warning: [ignored-key] 'id' is of Prefect's export and means nothing here",
    ),
    (
        "^id: order.1\nname: a\ntrigger: {^id: order.1, expect: x}\nactions: [{type: do-nothing}]",
        "[unknown-key] 'id' is not an automation field; the fields are name, description, enabled, "
        "tags, owner_resource, trigger, actions, actions_on_trigger, actions_on_resolve, throttle, "
        "debounce, allow_cycle\n"
        "[unknown-key] 'id' is not a trigger field; the fields are expect, match, match_related, "
        "match_payload, where, for_each, type, name, after, posture, grace, threshold, within",
    ),
    ("^trigger: {expect: x}\nactions: [{type: do-nothing}]", "[missing-key] an automation needs 'name'"),
    ("name: ^''\ntrigger: {expect: x}\nactions: [{type: do-nothing}]", "[bad-value] 'name' must not be empty"),
    ("^name: a\nactions: [{type: do-nothing}]", "[missing-key] an automation needs 'trigger'"),
    (
        "^nme: a\ntrigger: {expect: x}\nactions: [{type: do-nothing}]",
        "[unknown-key] 'nme' is not an automation field; did you mean 'name'?",
    ),
    (
        "automations: []\n^tags: [a]\n",
        "[unknown-key] 'tags' must not stand beside 'automations'; put it into one of the automations",
    ),
    ("automations: ^5", "[wrong-type] an automation is a mapping with 'name', 'trigger' and 'actions'"),
    ("^just text", "[wrong-type] an automation is a mapping with 'name', 'trigger' and 'actions'"),
    (
        "name: a\ntrigger: {expect: x, threshold: ^3}\nenabled: ^no\nthrottle: {limit: ^0, per: "
        "^x}\nactions: [^{type: emit-event, event: ^'{{ x( }}'}, {type: run-deployment, deployment: "
        "a, ^tgs: b}]\nactions_on_resolve: [{type: ^nothing}]",
        "[no-window] threshold 3 needs a 'within' above 0\n"
        "[wrong-type] 'enabled' wants true or false, not 'no'; write false\n"
        "[bad-value] 'limit' is at least 1, not 0\n"
        "[bad-duration] 'x' is no duration; write seconds as a number, or '30s', '5m', '1h30m', 'PT5M'\n"
        "[missing-key] an emit-event needs 'resource'\n"
        "[bad-template] unexpected '}', expected ')'\n"
        "[unknown-key] 'tgs' is not a run-deployment field; did you mean 'tags'?\n"
        "[bad-value] 'type' cannot be 'nothing'; did you mean 'do-nothing'?",
    ),
]


@pytest.mark.parametrize(("line", "expected"), RULE)
def test_a_mistake_beside_the_trigger_is_told_where_it_is(tmp_path: Path, line: str, expected: str) -> None:
    rule = f"name: a\ntrigger: {{expect: x}}\n{line}\nactions: [{{type: do-nothing}}]"
    assert told(tmp_path, rule) == expected.split("\n")


@pytest.mark.parametrize(("action", "expected"), ACTION)
def test_a_mistake_in_an_action_is_told_where_it_is(tmp_path: Path, action: str, expected: str) -> None:
    assert told(tmp_path, f"name: a\ntrigger: {{expect: x}}\nactions: [{action}]") == expected.split("\n")


@pytest.mark.parametrize(("text", "expected"), WHOLE)
def test_what_a_rule_says_and_does_not_mean_is_told(tmp_path: Path, text: str, expected: str) -> None:
    assert told(tmp_path, text) == expected.split("\n")
