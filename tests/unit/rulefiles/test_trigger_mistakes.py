"""What is wrong with a trigger, at every level: one line for each mistake, with its place and its mend."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.rulefiles.marked import told

MISTAKES = [
    (
        "{type: compound, triggers: [{^expct: x}, {expect: y}]}",
        "[unknown-key] 'expct' is not a trigger field; did you mean 'expect'?",
    ),
    (
        "{triggers: [{expect: x}, {type: compound, require: any, triggers: [{expect: y, ^macth: {}}, "
        "{expect: z}]}]}",
        "[unknown-key] 'macth' is not a trigger field; did you mean 'match'?",
    ),
    (
        "{triggers: [{expect: x}, {type: ^metrc}]}",
        "[bad-value] 'type' is one of event, metric, compound, sequence, not 'metrc'; did you mean 'metric'?",
    ),
    (
        "{triggers: [{expect: x}, {type: ^schedule, schedule: {cron: '* * * * *'}}]}",
        "[bad-value] 'type' is one of event, metric, compound, sequence, not 'schedule'",
    ),
    ("{triggers: [{expect: x}, ^5]}", "[wrong-type] each of 'triggers' wants a mapping, not 5"),
    ("{triggers: ^[{expect: x}]}", "[few-parts] a composite has two parts or more"),
    ("{triggers: ^[]}", "[few-parts] a composite has two parts or more"),
    ("{triggers: ^5}", "[wrong-type] 'triggers' wants a list, not 5"),
    ("{triggers: ^{expect: x}}", "[wrong-type] 'triggers' wants a list, not a mapping"),
    ("^{type: sequence}", "[missing-key] a sequence trigger needs 'triggers'"),
    ("^{type: compound, require: all}", "[missing-key] a compound trigger needs 'triggers'"),
    (
        "{type: compound, triggers: [{expect: x}, {expect: y}], require: ^3}",
        "[bad-require] 'require' is 3, and there are 2 parts",
    ),
    (
        "{type: compound, triggers: [{expect: x}, {expect: y}], require: ^0}",
        "[bad-require] 'require' is any, all, or how many of the parts, at least 1",
    ),
    (
        "{type: compound, triggers: [{expect: x}, {expect: y}], require: ^some}",
        "[bad-require] 'require' is any, all, or how many of the parts, at least 1",
    ),
    (
        "{type: compound, triggers: [{expect: x}, {expect: y}], require: ^true}",
        "[bad-require] 'require' is any, all, or how many of the parts, at least 1",
    ),
    (
        "{type: sequence, triggers: [{expect: x}, {expect: y}], ^require: 2}",
        "[unknown-key] 'require' is not a sequence trigger field; it belongs to 'type: compound'",
    ),
    (
        "{triggers: [{expect: x, name: p}, {expect: y, name: q}, {expect: z, name: ^p}]}",
        "[duplicate-part] two parts are named 'p'",
    ),
    ("{triggers: [{expect: x, name: ^''}, {expect: y}]}", "[bad-value] 'name' must not be empty"),
    ("{triggers: [{expect: x}, {expect: y}], within: ^0}", "[bad-value] 'within' is more than 0, not 0"),
    (
        "{triggers: [{expect: x}, {expect: y}], within: ^5x}",
        "[bad-duration] '5x' is no duration; write seconds as a number, or '30s', '5m', '1h30m', 'PT5M'",
    ),
    (
        "{triggers: [{expect: x}, {expect: y}], ^match: {a: b}}",
        "[unknown-key] 'match' is not a sequence trigger field; it belongs to 'type: event'",
    ),
    (
        "{triggers: ^[{posture: Proactive, expect: x}, {posture: Proactive, expect: y}]}",
        "[no-event] no part has an event for sure: one must react to events, or have 'after' or 'for_each'",
    ),
    ("{type: ^null}", "[bad-value] 'type' is one of event, metric, compound, sequence, schedule, not nothing"),
    ("{type: ^5}", "[bad-value] 'type' is one of event, metric, compound, sequence, schedule, not 5"),
    ("^5", "[wrong-type] 'trigger' wants a mapping, not 5"),
    ("^[]", "[wrong-type] 'trigger' wants a mapping, not a list"),
    ("^null", "[wrong-type] 'trigger' wants a mapping, not nothing"),
    ("{expect: x, name: ^p}", "[bad-name] 'name' is for parts of a composite; the trigger is no part"),
    ("{expect: x, after: ^y}", "[no-window] 'after' needs a 'within' above 0"),
    ("{expect: x, threshold: ^2}", "[no-window] threshold 2 needs a 'within' above 0"),
    ("{expect: x, grace: ^5s}", "[grace-without-deadline] 'grace' is for Proactive triggers only"),
    (
        "{expect: x, posture: Proactive, within: ^5s}",
        "[short-window] 'within' of a Proactive trigger is at least 10 s",
    ),
    (
        "{expect: x, posture: ^proactive}",
        "[bad-value] 'posture' is one of Reactive, Proactive, not 'proactive'; did you mean 'Proactive'?",
    ),
    ("^{expect: x, posture: Metric}", "[missing-key] a metric trigger needs 'metric'"),
    ("{expect: x, threshold: ^100001, within: 5}", "[bad-value] 'threshold' is at most 100000, not 100001"),
    (
        "{expect: x, ^metric: {value: count}}",
        "[unknown-key] 'metric' is not a trigger field; it belongs to 'type: metric'",
    ),
    (
        "{^expect: x, triggers: [{expect: x}, {expect: y}]}",
        "[unknown-key] 'expect' is not a sequence trigger field; it belongs to 'type: event'",
    ),
    (
        "{type: event, ^triggers: [{expect: x}, {expect: y}]}",
        "[unknown-key] 'triggers' is not a trigger field; it belongs to 'type: compound'",
    ),
    (
        "{expect: x, ^schedule: {cron: '* * * * *'}}",
        "[unknown-key] 'schedule' is not a trigger field; it belongs to 'type: schedule'",
    ),
    (
        "{type: metric, metric: {value: ^x, aggregate: ^p5, operator: ^'=', threshold: ^'5', range: ^0}}",
        "[bad-metric-value] 'value' is 'count' or a path such as payload.latency_ms\n"
        "[bad-value] 'aggregate' is one of count, sum, avg, min, max, p50 to p99\n"
        "[bad-value] 'operator' is one of <, <=, >, >=, not '='; did you mean '<='?\n"
        "[wrong-type] 'threshold' wants a number, not '5'\n"
        "[bad-value] 'range' is more than 0, not 0",
    ),
    (
        "{type: metric, metric: {value: ^payload., aggregate: p50, operator: '>', threshold: 5, range: 1}}",
        "[bad-metric-value] 'payload.' is no payload path; write payload.<key>, and a dotted key in quotes",
    ),
    (
        "{type: metric, metric: {^valu: count, aggregate: p50, operator: '>', threshold: 5, range: 1}}",
        "[unknown-key] 'valu' is not a metric field; did you mean 'value'?",
    ),
    (
        "{type: metric, metric: ^{value: count}}",
        "[missing-key] a metric needs 'aggregate'\n"
        "[missing-key] a metric needs 'operator'\n"
        "[missing-key] a metric needs 'threshold'\n"
        "[missing-key] a metric needs 'range'",
    ),
    ("^{type: metric}", "[missing-key] a metric trigger needs 'metric'"),
    ("{type: metric, metric: ^5}", "[wrong-type] 'metric' wants a mapping, not 5"),
    (
        "{type: metric, posture: Metric, metric: {name: ^lateness, operator: '>', threshold: 5, "
        "range: 300, firing_for: 300}}",
        "[prefect-metric] the metric 'lateness' is Prefect Cloud's; write what is measured of the "
        "events: 'expect: prefect.flow-run.Late' with 'value: count, aggregate: count'",
    ),
    (
        "{type: metric, posture: Metric, metric: ^{^name: other, operator: '>', threshold: 5, range: "
        "300, firing_for: 300}}",
        "[missing-key] a metric needs 'value'\n"
        "[missing-key] a metric needs 'aggregate'\n"
        "[unknown-key] 'name' is not a metric field; the fields are value, aggregate, operator, "
        "threshold, range, firing_for",
    ),
    (
        "{type: metric, metric: {value: ^5, aggregate: ^[], operator: '>', threshold: ^true, range: "
        "300, firing_for: ^-1}}",
        "[wrong-type] 'value' wants text, not 5\n"
        "[wrong-type] 'aggregate' wants text, not a list\n"
        "[wrong-type] 'threshold' wants a number, not true\n"
        "[bad-duration] the duration -1 is not between 0 and 100 years",
    ),
    ("^{type: schedule}", "[missing-key] a schedule trigger needs 'schedule'"),
    (
        "{type: schedule, schedule: {cron: ^'* * * *'}}",
        "[bad-cron] a cron expression has five fields: minute, hour, day of month, month, day of week",
    ),
    ("{type: schedule, schedule: {cron: ^'61 * * * *'}}", "[bad-cron] '61 * * * *': Bad minute"),
    ("{type: schedule, schedule: {cron: ^'0 0 31 2 *'}}", "[bad-cron] '0 0 31 2 *': Bad day-of-month"),
    (
        "{type: schedule, schedule: {cron: '0 0 * * *', timezone: ^Europe/Berln}}",
        "[bad-timezone] 'Europe/Berln' is no time zone of the IANA database, such as Europe/Berlin",
    ),
    ("{type: schedule, schedule: {cron: ^5}}", "[wrong-type] 'cron' wants text, not 5"),
    (
        "{type: schedule, schedule: {^crn: '0 0 * * *'}}",
        "[unknown-key] 'crn' is not a schedule field; did you mean 'cron'?",
    ),
    (
        "{type: schedule, schedule: {cron: '0 0 * * *', catch_up: ^x}}",
        "[bad-duration] 'x' is no duration; write seconds as a number, or '30s', '5m', '1h30m', 'PT5M'",
    ),
    (
        "{type: schedule, ^expect: x, schedule: {cron: '0 0 * * *'}}",
        "[unknown-key] 'expect' is not a schedule trigger field; it belongs to 'type: event'",
    ),
    ("{expect: [x, ^5]}", "[wrong-type] each of 'expect' wants text, not 5"),
    ("{expect: ^{a: b}}", "[wrong-type] one text or a list of texts is wanted here"),
    ("{expect: [^'!']}", "[bad-event-name] an event name, or what follows '!', must not be empty"),
    ("{expect: ^''}", "[bad-event-name] an event name, or what follows '!', must not be empty"),
    ("{expect: ^null}", "[wrong-type] one text or a list of texts is wanted here"),
    ("{expect: x, match: {a: ^[]}}", "[bad-label-value] an empty list matches nothing; leave the label out"),
    ("{expect: x, match: {a: [b, ^5]}}", "[bad-label-value] labels are text; write 5 in quotes"),
    ("{expect: x, match: {a: ^'!'}}", "[bad-label-value] '!' alone excludes nothing; write '!value'"),
    ("{expect: x, match: {a: ^{b: c}}}", "[bad-label-value] labels are text; write {'b': 'c'} in quotes"),
    ("{expect: x, match: ^[a]}", "[wrong-type] 'match' wants a mapping, not a list"),
    ("{expect: x, match: ^null}", "[wrong-type] 'match' wants a mapping, not nothing"),
    (
        "{expect: x, match_related: ^5}",
        "[wrong-type] a mapping of labels, or a list of such mappings, is wanted here",
    ),
    ("{expect: x, match_related: [^5]}", "[wrong-type] each of 'match_related' wants a mapping, not 5"),
    ("{expect: x, match_related: [{id: a}, {role: ^5}]}", "[bad-label-value] labels are text; write 5 in quotes"),
    (
        "{expect: x, match_related: ^{id: a, prefect.resource.id: b}}",
        "[bad-label] 'id' stands for 'prefect.resource.id'; write one",
    ),
    ("{expect: x, where: ^true}", "[wrong-type] 'where' wants text, not true"),
    ("{expect: x, where: ^''}", "[bad-value] 'where' must not be empty"),
    ("{expect: x, where: ^'event.payload.a >'}", "[bad-template] unexpected 'end of print statement'"),
    (
        "{expect: x, where: ^'evnt.payload.a'}",
        "warning: [unknown-name] 'where' cannot read 'evnt': no event will match; did you mean 'event'?",
    ),
    (
        "{expect: x, where: ^'{{ event.a }} x'}",
        "[bad-template] this is not one expression; write one, such as event.payload.cpu > 4",
    ),
    (
        "{expect: x, where: ^'labels.a'}",
        "warning: [unknown-name] 'where' cannot read 'labels': no event will match; it can read 'event' alone",
    ),
    ("{expect: x, match_payload: ^5}", "[wrong-type] 'match_payload' wants a mapping, not 5"),
    (
        "{expect: x, for_each: [^related:flow, ^payload.]}",
        "[bad-group] 'related:flow' is no group label; write a label of the resource, "
        "'related:<role>:<label>' or 'payload.<path>'\n"
        "[bad-group] 'payload.' is no payload path; write payload.<key>, and a dotted key in quotes",
    ),
    ("{expect: x, for_each: [^5]}", "[wrong-type] each of 'for_each' wants text, not 5"),
    (
        "{expect: x, for_each: ^payload.}",
        "[bad-group] 'payload.' is no payload path; write payload.<key>, and a dotted key in quotes",
    ),
    (
        "{expect: x, for_each: [^'']}",
        "[bad-group] '' is no group label; write a label of the resource, 'related:<role>:<label>' "
        "or 'payload.<path>'",
    ),
    (
        "{triggers: [{expect: x, for_each: [^'related::a']}, {expect: y, for_each: [^payload..a]}], "
        "for_each: [^'related:a']}",
        "[bad-group] 'related::a' is no group label; write a label of the resource, "
        "'related:<role>:<label>' or 'payload.<path>'\n"
        "[bad-group] 'payload..a' is no payload path; write payload.<key>, and a dotted key in quotes\n"
        "[bad-group] 'related:a' is no group label; write a label of the resource, "
        "'related:<role>:<label>' or 'payload.<path>'",
    ),
    (
        "{expect: x, within: ^5 minutes}",
        "[bad-duration] '5 minutes' is no duration; write seconds as a number, or '30s', '5m', '1h30m', 'PT5M'",
    ),
    ("{expect: x, match: {id: ^5}}", "[bad-label-value] labels are text; write 5 in quotes"),
    ("{expect: x, threshold: ^0}", "[bad-value] 'threshold' is at least 1, not 0"),
    ("{expect: x, threshold: ^true}", "[wrong-type] 'threshold' wants a whole number, not true"),
    ("{type: ^[a]}", "[bad-value] 'type' is one of event, metric, compound, sequence, schedule, not a list"),
]

PATTERNS = [
    ("^{}", "[empty-pattern] a mapping without fields matches nothing in particular"),
    ("{a: ^5}", "[wrong-type] a field has a list of alternatives; write [5]"),
    ("{a: {b: ^[]}}", "[empty-alternatives] an empty list of alternatives matches nothing"),
    ("{$or: [{a: [1]}, {b: [^{prefx: c}]}]}", "[unknown-test] there is no test 'prefx'"),
]


@pytest.mark.parametrize(("trigger", "expected"), MISTAKES)
def test_a_mistake_in_a_trigger_is_told_where_it_is(tmp_path: Path, trigger: str, expected: str) -> None:
    rule = f"name: a\ntrigger: {trigger}\nactions: [{{type: do-nothing}}]"
    assert told(tmp_path, rule) == expected.split("\n")


@pytest.mark.parametrize(("pattern", "expected"), PATTERNS)
@pytest.mark.parametrize("around", ["{match_payload: #}", "{triggers: [{expect: x}, {match_payload: #}]}"])
def test_a_mistake_in_a_payload_pattern_is_told_where_it_is(
    tmp_path: Path, around: str, pattern: str, expected: str
) -> None:
    rule = f"name: a\ntrigger: {around.replace('#', pattern)}\nactions: [{{type: do-nothing}}]"
    (line,) = told(tmp_path, rule)
    assert line.startswith(expected)


def test_all_mistakes_of_a_payload_pattern_are_told(tmp_path: Path) -> None:
    pattern = "{a: ^5, b: [^{cidr: x}], c: [^{numeric: ['~', 5]}]}"
    assert (
        len(told(tmp_path, f"name: a\ntrigger: {{match_payload: {pattern}}}\nactions: [{{type: do-nothing}}]"))
        == 3
    )
