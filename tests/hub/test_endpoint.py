"""Which Hub is meant: what is named, else what the environment says, else huggingface.co."""

import pytest

from zoo.common.errors import HubError
from zoo.hub.endpoint import HOME, find_endpoint

SECRET = "hf_secret"


def test_the_endpoint_is_the_one_named_else_the_environments_else_huggingface_co(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert find_endpoint() == HOME
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example/")
    assert find_endpoint() == "https://hub.example"
    assert find_endpoint("http://[::1]:8000/hf/") == "http://[::1]:8000/hf"


@pytest.mark.parametrize(
    "endpoint",
    ["huggingface.co", "ftp://hub", "https://", "https:///x", "https://a b", "https://[::1", "https://a?b=c",
     "https://a:99999", "https://a\x1b[31m", "https://ü", f"https://me:{SECRET}@hub"],
)  # fmt: skip
def test_what_is_no_address_is_refused_and_a_password_in_it_not_shown(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for named in (True, False):
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        with pytest.raises(HubError, match="is not the address of a Hub, such as") as caught:
            find_endpoint(endpoint if named else None)
        assert ("--endpoint" if named else "HF_ENDPOINT") in str(
            caught.value
        ) and SECRET not in str(caught.value)
