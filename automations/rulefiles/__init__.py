"""Rule files: YAML with positions, located errors, the loader."""

from automations.errors import RuleFileErrors
from automations.rulefiles.document import Document
from automations.rulefiles.load import CheckResult, check_rules, load_rules
from automations.rulefiles.reader import read_yaml
from automations.rulefiles.validate import suggestion, validate

__all__ = [
    "CheckResult",
    "Document",
    "RuleFileErrors",
    "check_rules",
    "load_rules",
    "read_yaml",
    "suggestion",
    "validate",
]
