"""What is wrong with one job variable."""

from __future__ import annotations

from dataclasses import dataclass

from automations.jobs.tree import Steps, dotted


@dataclass(frozen=True, slots=True)
class Finding:
    """`steps` is the variable's path, `origin` who gave the value ('' when nobody did), `rule` what it breaks."""

    steps: Steps
    origin: str
    rule: str
    code: str = "job-variables"

    @property
    def name(self) -> str:
        """The variable as people write it: `env.REGION`."""
        return dotted(self.steps) or "the job variables"

    def __str__(self) -> str:
        given = f" ({self.origin})" if self.origin else ""
        return f"{self.name}{given}: {self.rule}"
