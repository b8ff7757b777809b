"""The engine: match, evaluate, plan. Pure: no clock, no asyncio, no input or output, no logging."""

from automations.engine.evaluate import (
    CellKey,
    Evaluation,
    StateBounds,
    cell_key,
    evaluate,
    self_starting_cell,
    tick,
)
from automations.engine.index import Index, Match, Reached, compile_rules, matches_of
from automations.engine.plan import plan
from automations.engine.program import Program

__all__ = [
    "CellKey",
    "Evaluation",
    "Index",
    "Match",
    "Program",
    "Reached",
    "StateBounds",
    "cell_key",
    "compile_rules",
    "evaluate",
    "matches_of",
    "plan",
    "self_starting_cell",
    "tick",
]
