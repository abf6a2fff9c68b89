"""The least that a gateway can be started with."""

from typing import Any

import pytest

ADMIN_KEY = "0123456789abcdef01234567"


@pytest.fixture
def document() -> dict[str, Any]:
    return {
        "admin": {"key": ADMIN_KEY},
        "groups": [
            {
                "name": "Default",
                "multiplier": 1.0,
                "billing": "pay-as-you-go-priority",
                "lanes": [{"url": "https://api.apiyi.com", "key": "sk-lane-0"}],
            },
            {
                "name": "NanoBananaEnterprise",
                "multiplier": 1.4,
                "billing": "pay-as-you-go-priority",
                "lanes": [{"url": "https://api.apiyi.com", "key": "sk-lane-1"}],
            },
        ],
    }
