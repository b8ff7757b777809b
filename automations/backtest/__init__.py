"""Backtests: recorded events through rules, nothing sent; and the difference that another revision makes."""

from automations.backtest.difference import Change, difference
from automations.backtest.recorded import read_recorded
from automations.backtest.replay import Replayed, replay

__all__ = ["Change", "Replayed", "difference", "read_recorded", "replay"]
