"""Rule files: YAML with positions, located errors, the loader."""

from automations.errors import RuleFileErrors
from automations.rulefiles.document import Document
from automations.rulefiles.files import read_file, read_regular
from automations.rulefiles.load import CheckResult, check_rules, load_rules
from automations.rulefiles.meaning import OnPrefectOnly
from automations.rulefiles.reader import read_yaml
from automations.rulefiles.schema import file_schema, model_definitions, rule_tests_schema, rules_schema
from automations.rulefiles.tests import CheckedTests, LocatedTest, check_tests, load_tests
from automations.rulefiles.validate import suggestion, validate

__all__ = [
    "CheckResult",
    "CheckedTests",
    "Document",
    "LocatedTest",
    "OnPrefectOnly",
    "RuleFileErrors",
    "check_rules",
    "check_tests",
    "file_schema",
    "load_rules",
    "load_tests",
    "model_definitions",
    "read_file",
    "read_regular",
    "read_yaml",
    "rule_tests_schema",
    "rules_schema",
    "suggestion",
    "validate",
]
