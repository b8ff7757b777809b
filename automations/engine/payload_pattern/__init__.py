"""The EventBridge pattern language over an event's payload (rules.md section 5).

Behaviour as in AWS's documentation of event patterns and its open library event-ruler, refusals included. Where
these leave room, or AWS's own ways are accidents of its index, it differs: a pattern reads nested keys only as
nested (event-ruler takes `a.b` for `b` in `a`), letters are compared without case by Unicode's lower case, and a
field that stands outside and inside of `$or` has to be as both want it.
"""

from automations.engine.payload_pattern.compile import compile_pattern
from automations.engine.payload_pattern.errors import PatternError, PatternProblem
from automations.engine.payload_pattern.pattern import Condition, PayloadPattern

__all__ = ["Condition", "PatternError", "PatternProblem", "PayloadPattern", "compile_pattern"]
