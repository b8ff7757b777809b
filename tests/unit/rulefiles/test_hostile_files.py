"""Each file is read in a process of its own that may grow by 100 MB and compute for 5 seconds."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{c}: &{c} [{','.join(['*' + p] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {" + ",".join(f"k{n}: 1" for n in range(100)) + "}\n"
HOSTILE: dict[str, tuple[str, str | None]] = {
    "billion laughs": (LAUGHS, "yaml-alias"),
    "merges": (MERGES + "".join(f"m{n}: &m{n} {{<<: *a}}\n" for n in range(2_000)), "yaml-alias"),
    "a list of merges": (MERGES + f"b: {{<<: [{','.join(['*a'] * 60_000)}]}}", "yaml-alias"),
    "an alias of itself": ("&a [" + "*a," * 80_000, "yaml-alias"),
    "brackets": ("[" * 250_000, "too-deep"),
    "braces": ("{a: " * 60_000, "too-deep"),
    "dashes": ("- " * 120_000, "too-deep"),
    "explicit keys": ("? " * 120_000, "too-deep"),
    "keys that are lists": ("{" + "[]: 1, " * 35_000 + "}", "bad-key"),
    "a sexagesimal number": ("a: 1" + ":59" * 60_000, None),
    "a long number": ("a: " + "9" * 250_000, "bad-number"),
    "a long exponent": ("a: 1e" + "9" * 250_000, "bad-number"),
    "anchors": ("".join(f"- &a{n} x\n" for n in range(20_000)), None),
    "tags": ("- !a b\n" * 37_000, "yaml-tag"),
    "the same key": ("a: 1\n" * 50_000, "duplicate-key"),
    "small documents": ("--- a\n" * 43_000, None),
    "small lists": ("[" + "[]," * 85_000 + "]", None),
    "an open quote": ('"' + "a" * 250_000, "yaml-syntax"),
    "percents": ("%" * 250_000, "yaml-syntax"),
    "spaces": (" " * 260_000, None),
    "controls": ("\x01" * 260_000, "bad-text"),
    "pairs": ('"' + "\\ud83d\\ude00" * 21_000 + '"', None),
}


def each(number: int, text: str, between: str = ", ") -> str:
    return between.join(text.replace("#", str(n)) for n in range(number))


def rule(trigger: str, actions: str = "{type: do-nothing}") -> str:
    return f"{{name: a#, trigger: {{{trigger}}}, actions: [{actions}]}}"


PARTS, DEEP, ZONE = "triggers: [", "{triggers: [{}, ", "../" * 20
RULES: dict[str, tuple[str, str | None]] = {
    "unknown keys": (rule(each(18_000, "k#: 1")), "too-many"),
    "unknown types": (rule("", each(20_000, "{type: x}")), "too-many"),
    "wrong labels": (rule(f"match: {{{each(12_000, 'k#: [a, 5]')}}}"), "too-many"),
    "many parts": (rule(f"{PARTS}{each(9_000, '{expect: a, name: n#}')}]"), None),
    "nested parts": (rule(f"{PARTS}{{}}, {DEEP * 13}{{}}{']}' * 13}]"), None),
    "parts nested deeper": (rule(f"{PARTS}{{}}, {DEEP * 9_000}{{}}{']}' * 9_000}]"), "too-deep"),
    "wildcards": (rule(f"expect: '{'*a' * 100_000}'"), None),
    "conditions": (rule(f"{PARTS}{each(4_000, '{where: event.a and event.b}')}]"), None),
    "time zones": (
        each(1_300, "- " + rule(f"type: schedule, schedule: {{cron: '* * * * *', timezone: {ZONE}#}}"), "\n"),
        "bad-timezone",
    ),
    "a chain": (
        each(1_000, "- " + rule("expect: 's#.*'", "{type: emit-event, event: 's#.1', resource: {id: x}}"), "\n"),
        "cycle",
    ),
}

SCRIPT = """
import json, os, resource, sys
from pathlib import Path
from automations.rulefiles import check_rules, read_yaml

def child(text, file):
    pages = int(open("/proc/self/statm").read().split()[0])
    bytes_ = pages * resource.getpagesize() + 100_000_000
    resource.setrlimit(resource.RLIMIT_AS, (bytes_, bytes_))
    resource.setrlimit(resource.RLIMIT_CPU, (5, 5))
    problems = check_rules([Path(file)]).problems if file else read_yaml(text, "f.json")[1]
    return problems[0].code if problems else None

for line in sys.stdin:
    name, text, file = json.loads(line)
    if pid := os.fork():
        status = os.waitpid(pid, 0)[1]
        if status:
            print(json.dumps([name, f"died: {status}"]), flush=True)
        continue
    try:
        print(json.dumps([name, child(text, file)]), flush=True)
        os._exit(0)
    except BaseException as error:
        print(repr(error)[:200], file=sys.stderr)
        os._exit(1)
"""


def outcomes(lines: list[list[str]]) -> dict[str, str | None]:
    """Name, content, and the rule file that has it: the code of the first problem, or how the process died."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input="".join(json.dumps(line) + "\n" for line in lines),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return dict(json.loads(line) for line in done.stdout.splitlines())


@pytest.fixture(scope="module")
def readings() -> dict[str, str | None]:
    return outcomes([[name, text, ""] for name, (text, _) in HOSTILE.items()])


@pytest.fixture(scope="module")
def checks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    lines = []
    for number, (name, (text, _)) in enumerate(RULES.items()):
        file = tmp_path_factory.getbasetemp() / f"hostile{number}.yaml"
        file.write_text(text)
        lines.append([name, "", str(file)])
    return outcomes(lines)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_within_bounds_and_with_a_located_problem(
    readings: dict[str, str | None], name: str
) -> None:
    assert readings[name] == HOSTILE[name][1]


@pytest.mark.parametrize("name", RULES)
def test_hostile_rules_end_within_the_same_bounds(checks: dict[str, str | None], name: str) -> None:
    assert checks[name] == RULES[name][1]
