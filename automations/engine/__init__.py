"""The engine: match, evaluate, plan. Pure: no clock, no asyncio, no logging."""
