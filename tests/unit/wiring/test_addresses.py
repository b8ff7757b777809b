"""Where an engine says that it is."""

from __future__ import annotations

import pytest

from automations.wiring.application import own_url


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:4280"),
        ("0.0.0.0", "http://127.0.0.1:4280"),  # noqa: S104 - nothing listens
        ("10.1.2.3", "http://10.1.2.3:4280"),
        ("::", "http://[::1]:4280"),
        ("::1", "http://[::1]:4280"),
        ("fe80::1%eth0", "http://[fe80::1]:4280"),
    ],
)
def test_the_address_is_one_that_this_machine_reaches(host: str, url: str) -> None:
    assert own_url(host, 4280) == url
