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

SCRIPT = """
import json, os, resource, sys
from automations.rulefiles import read_yaml

def child(text):
    pages = int(open("/proc/self/statm").read().split()[0])
    bytes_ = pages * resource.getpagesize() + 100_000_000
    resource.setrlimit(resource.RLIMIT_AS, (bytes_, bytes_))
    resource.setrlimit(resource.RLIMIT_CPU, (5, 5))
    _, problems = read_yaml(text, "f.json")
    return problems[0].code if problems else None

for line in sys.stdin:
    name, text = json.loads(line)
    if pid := os.fork():
        status = os.waitpid(pid, 0)[1]
        if status:
            print(json.dumps([name, f"died: {status}"]), flush=True)
        continue
    try:
        print(json.dumps([name, child(text)]), flush=True)
        os._exit(0)
    except BaseException as error:
        print(repr(error)[:200], file=sys.stderr)
        os._exit(1)
"""


@pytest.fixture(scope="module")
def outcomes() -> dict[str, str | None]:
    files = "".join(json.dumps([name, text]) + "\n" for name, (text, _) in HOSTILE.items())
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], input=files, capture_output=True, text=True, timeout=120, check=True
    )
    return dict(json.loads(line) for line in done.stdout.splitlines())


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_within_bounds_and_with_a_located_problem(
    outcomes: dict[str, str | None], name: str
) -> None:
    assert outcomes[name] == HOSTILE[name][1]
