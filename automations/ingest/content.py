"""What a Content-Type says."""

from __future__ import annotations

from collections.abc import Mapping

from automations.errors import Refused


def media_type(headers: Mapping[str, str]) -> str:
    """Return the media type in lower case, without parameters; '' when there is none.

    Refused `unsupported-media-type` (415) for a charset other than UTF-8.
    """
    media, _, parameters = headers.get("content-type", "").partition(";")
    if parameters and not _is_utf8(parameters):
        raise Refused(
            f"the body is not UTF-8: {parameters.strip()[:64]}", code="unsupported-media-type", status=415
        )
    return media.strip().lower()


def _is_utf8(parameters: str) -> bool:
    written = [part.partition("=") for part in parameters.lower().split(";")]
    charsets = {value.strip().strip('"') for name, _, value in written if name.strip() == "charset"}
    return charsets <= {"utf-8", "utf8", "us-ascii"}


def is_json(media: str) -> bool:
    """True for application/json and every `+json` type."""
    return media == "application/json" or (media.startswith("application/") and media.endswith("+json"))


def require_json(media: str) -> None:
    """Refused `unsupported-media-type` (415) for anything but JSON.

    A missing type is refused too: browsers send such bodies across sites without asking first.
    """
    if not is_json(media):
        raise Refused(
            f"the content type is {media[:64] or 'missing'!r}",
            code="unsupported-media-type",
            status=415,
            hint="send Content-Type: application/json",
        )
