"""The EventBridge pattern language over an event's payload (rules.md section 5).

Behaviour as in AWS's documentation of event patterns and its open library event-ruler, refusals included. It
differs where AWS's ways are accidents of its index:

- A pattern reads nested keys only as nested; event-ruler takes `a.b` for `b` in `a`.
- Letters are compared without case by Unicode's lower case.
- Numbers are compared as they are, not to six decimals; the bounds of numeric matching are the documented ones.
- A field that stands outside and inside of `$or` has to be as both want it; in event-ruler the later one wins.
- `exists: false` looks at the elements of arrays that all wanted values choose, whatever the fields are called; in
  event-ruler only at those of fields whose names sort before. In both, where no value chooses an element, the
  field has to be absent from all of them.
- Each alternative stands for itself; in event-ruler an address among the alternatives of a field hides the event's
  addresses from the tests of text beside it.
"""

from automations.engine.payload_pattern.compile import compile_pattern
from automations.engine.payload_pattern.errors import PatternError, PatternProblem
from automations.engine.payload_pattern.pattern import Condition, PayloadPattern

__all__ = ["Condition", "PatternError", "PatternProblem", "PayloadPattern", "compile_pattern"]
