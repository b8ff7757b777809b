"""Alive."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(tags=["status"])


@router.get("/healthz", summary="Alive")
async def healthz() -> dict[str, str]:
    """Answer at all."""
    return {"status": "ok"}
