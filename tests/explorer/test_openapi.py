"""Requests that schemathesis makes up from the OpenAPI description, and what they are answered."""

import subprocess
import sys
from pathlib import Path

import pytest
from servers import serving

pytestmark = pytest.mark.browser  # it takes a minute: it runs with what is thorough

TOKEN = "a-token-of-the-test"
# what a value that is right in its form may be answered besides: the checkpoint can't do it, the
# body is no picture
EXPECTED = '["2xx", "401", "403", "404", "409", "415", "429"]'


@pytest.mark.parametrize("checkpoint", ["vae-mnist-2d", "cvae-mnist"])
def test_schemathesis_finds_nothing(checkpoint: str) -> None:
    Path("schemathesis.toml").write_text(
        f'[parameters]\ncheckpoint = "{checkpoint}"\nsteps = 3\ndraws = 10\n\n'
        f"[checks.positive_data_acceptance]\nexpected-statuses = {EXPECTED}\n"
    )
    with serving(["vae-mnist-2d", "cvae-mnist"], token=TOKEN) as server:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run"),
                f"{server.address}/openapi.json",
                *("--header", f"Authorization: Bearer {TOKEN}"),
                *(
                    "--max-examples",
                    "10",
                    "--seed",
                    "1",
                    "--request-timeout",
                    "60",
                    "--phases",
                    "examples,coverage,fuzzing",
                ),
                *("--generation-database", "none"),
            ],
            capture_output=True,
            text=True,
            timeout=600,
        )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
