"""What needs the files and no engine: rule tests, explanations, backtests."""

from __future__ import annotations

import contextlib
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from automations.backtest import Change, Replayed, difference, read_recorded, replay
from automations.deploy import ReloadableJobs
from automations.engine import StateBounds, compile_rules
from automations.engine.explain import explain
from automations.errors import (
    Location,
    NotFoundError,
    Problem,
    RuleFileErrors,
    SettingsError,
)
from automations.ingest import parse_json, read_event
from automations.model.action import ActionRequest
from automations.model.document import JsonObject
from automations.model.moment import parse_moment
from automations.model.ruleset import RuleSet
from automations.rulefiles import LocatedTest, check_rules, check_tests, load_rules, suggestion
from automations.ruletests import RunCheck, describe, run_test
from automations.settings import Settings
from automations.sinks.process import ProcessSink
from automations.wiring.clock import SystemClock
from automations.wiring.loading import load_jobs, read_deployments


@dataclass(frozen=True, slots=True)
class TestReport:
    """Each test with the lines of its failure (none: it passed). `uncovered`: the enabled automations that no test
    fires, with their places, of `automations` in all.
    """

    __test__ = False

    results: Sequence[tuple[LocatedTest, Sequence[str]]]
    uncovered: Mapping[str, Location]
    automations: int


def run_rule_tests(paths: Sequence[Path], settings: Settings) -> TestReport:
    """Run all rule tests below the paths; RuleFileErrors with every error of the tests and of their rules."""
    tests = check_tests(paths)
    folders = sorted({located.file.parent for located in tests.tests} | {p for p in paths if p.is_dir()})
    roots = [folder for folder in folders if not any(other in folder.parents for other in folders)]
    rules = check_rules(roots)
    problems = [*tests.problems, *(p for p in rules.problems if p.severity == "error")]
    if problems or rules.ruleset is None:
        raise RuleFileErrors(problems)
    if unknown := list(_unknown(tests.tests, rules.ruleset)):
        raise RuleFileErrors(unknown)
    results, fired = [], set[str]()
    check_run = run_check(settings)
    for located in tests.tests:
        outcome = run_test(located, rules.ruleset, check_run)
        results.append((located, describe(located, outcome, rules.ruleset)))
        fired |= {each.firing.automation for each in outcome.fired if not each.firing.suppressed}
    enabled = [rule.name for rule in rules.ruleset if rule.enabled]
    places = rules.ruleset.places
    return TestReport(results, {name: places[name] for name in enabled if name not in fired}, len(enabled))


def _unknown(tests: Sequence[LocatedTest], rules: RuleSet) -> Iterator[Problem]:
    """A problem for each test of an automation that is not there."""
    known = [rule.name for rule in rules]
    for located in tests:
        name = located.test.automation
        if name is not None and name not in known:
            message = f"there is no automation named {name!r}"
            yield Problem("unknown-automation", message, located.location, suggestion(name, known))


def run_check(settings: Settings) -> RunCheck:
    """Return what refuses the runs that the deployment file refuses. One that it lacks is taken as given."""
    jobs = ReloadableJobs(load_jobs(settings))
    sink = ProcessSink(jobs, SystemClock())

    def check_one(request: ActionRequest) -> None:
        with contextlib.suppress(NotFoundError):
            jobs.deployment(request.body.get("deployment", ""))
            sink.check(request)

    return check_one


def explain_event(settings: Settings, raw: bytes, automation: str | None) -> Sequence[JsonObject]:
    """Explain one event, as JSON, to the project's automations or to one of them; Refused where it is no event."""
    now = SystemClock().now()
    data = parse_json(raw)
    if isinstance(data, dict):  # as a stored event is shown
        data = {key: value for key, value in data.items() if key not in ("source", "received", "hops")}
    event = read_event(data, source="api", received=now, new_id=lambda: "event")
    index = compile_rules(load_rules(settings.path("rules"), also=read_deployments(settings).automations))
    return [explained.to_dict() for explained in explain(index, event, automation)]


class Backtest:
    """Recorded events and the project's rules; RuleFileErrors with every error of both."""

    def __init__(self, settings: Settings, lines: Iterable[bytes], file: str, until: str | None) -> None:
        self._settings = settings
        self._events = read_recorded(lines, file)
        self._until = None if until is None else parse_moment(until)
        self._bounds = StateBounds(settings.lateness, settings.state_retention)

    def firings(self) -> Iterator[Replayed]:
        """What the rules would have done."""
        return self._replayed(self._rules(self._settings.path("rules")))

    def changes(self, against: str) -> Iterator[Change]:
        """What they do otherwise than other rules: those of a folder, or of the same folder at a git revision."""
        with rules_of(against, self._settings.path("rules")) as folder:
            before = self._replayed(self._rules(folder))
        return difference(before, self.firings())

    def _rules(self, path: Path) -> RuleSet:
        return load_rules(path, also=read_deployments(self._settings).automations)

    def _replayed(self, rules: RuleSet) -> Iterator[Replayed]:
        return replay(rules, self._events, run_check(self._settings), until=self._until, bounds=self._bounds)


@contextlib.contextmanager
def rules_of(name: str, rules: Path) -> Iterator[Path]:
    """A folder of rules by its path, or the folder `rules` as it was at a git revision, unpacked for the while."""
    if Path(name).is_dir():
        yield Path(name)
        return
    with tempfile.TemporaryDirectory() as folder:
        command = ["git", "-C", str(rules), "archive", "--format=tar", name, "--", "."]
        try:
            done = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - no shell, fixed words
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", b"").decode(errors="replace").strip() or str(error)
            raise SettingsError(f"{name!r} is neither a folder nor a git revision of {rules}: {said}") from None
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)
