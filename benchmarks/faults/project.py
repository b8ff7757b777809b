"""The project that the engine runs while it is killed: one rule of each kind, and a job that leaves a trace."""

from __future__ import annotations

from pathlib import Path
from typing import Final

WINDOW: Final = 3
"""Events of one group that make the window fire, once."""

_RULES: Final = f"""\
- name: job
  trigger: {{expect: chaos.job}}
  actions:
    - type: run-deployment
      deployment: work/traced
      job_variables: {{env.EVENT: "{{{{ event.id }}}}"}}
- name: window
  trigger: {{expect: chaos.window, for_each: [group], threshold: {WINDOW}, within: 1h}}
  actions: [{{type: do-nothing}}]
- name: hook
  trigger: {{expect: chaos.hook}}
  actions:
    - type: call-webhook
      url: RECEIVER
      body: {{event: "{{{{ event.id }}}}"}}
"""
_DEPLOYMENTS: Final = """\
work_pools: [{name: shell, type: process}]
deployments:
  - name: traced
    entrypoint: work.py:work
    work_pool:
      name: shell
      job_variables: {command: 'echo "$EVENT" >> effects'}
"""
_SETTINGS: Final = """\
pool_limit = 4
[sinks.webhook]
type = "webhook"
allow_http = true
allow = ["127.0.0.0/8"]
in_flight = 16
"""


def write_project(folder: Path, receiver: str) -> None:
    """Write rules, deployments and settings; `receiver` is the URL that the webhook rule calls."""
    (folder / "rules").mkdir()
    (folder / "rules" / "chaos.yaml").write_text(_RULES.replace("RECEIVER", receiver))
    (folder / "deployments.yaml").write_text(_DEPLOYMENTS)
    (folder / "work.py").write_text("def work():\n    pass\n")
    (folder / "automations.toml").write_text(_SETTINGS)
    (folder / "effects").touch()


def executions(folder: Path) -> list[str]:
    """Return the id of the event behind each execution of the job: what really happened, whatever is recorded."""
    return (folder / "effects").read_text().split()
