"""Job variables: merge, provenance, validation, policy; and the one way in which a run is made. Pure."""

from automations.jobs.assignments import parse_assignments
from automations.jobs.effective import EffectiveJobVariables, deployment_problems, effective_job_variables
from automations.jobs.finding import Finding
from automations.jobs.layer import expanded_job_variables
from automations.jobs.policy import never_from_events, policy_pattern
from automations.jobs.run import build_run
from automations.jobs.schema import PROCESS_VARIABLES, pool_variables, schema_problem, unknown_variable
from automations.jobs.static import never_passes

__all__ = [
    "PROCESS_VARIABLES",
    "EffectiveJobVariables",
    "Finding",
    "build_run",
    "deployment_problems",
    "effective_job_variables",
    "expanded_job_variables",
    "never_from_events",
    "never_passes",
    "parse_assignments",
    "policy_pattern",
    "pool_variables",
    "schema_problem",
    "unknown_variable",
]
