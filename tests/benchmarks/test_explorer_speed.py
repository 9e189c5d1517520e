"""What the page and the server take: pytest -s tests/benchmarks/test_explorer_speed.py"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest
from browsers import browsing, ready
from racing import report
from servers import command, serving

import zoo

CLIENTS = 64
SECONDS = float(os.environ.get("LOAD_SECONDS", "30"))
# megabytes that a server may have more in the last quarter of the load than in the third
GROWTH = 30
# sets a slider, and says after how many milliseconds the large picture has changed
MOVE = """async (value) => {
  const slider = document.querySelector("input[id^=move-]");
  const canvas = document.querySelector(".large");
  const before = canvas.toDataURL();
  const began = performance.now();
  slider.value = value;
  slider.dispatchEvent(new Event("input"));
  while (canvas.toDataURL() === before) await new Promise((go) => setTimeout(go, 1));
  return performance.now() - began;
}"""


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


@pytest.mark.parametrize(("name", "limit"), [("vae-mnist", 50), ("dcgan-mnist", 120)])
def test_a_slider_s_picture_comes_at_once(name: str, limit: float) -> None:
    with (
        command("play", name, "--no-browser") as (address, _),
        browsing() as browser,
        browser.page() as page,
    ):
        page.goto(address)
        ready(page)
        page.wait_for_timeout(1000)
        taken = [page.evaluate(MOVE, -3 + 0.05 * step) for step in range(105)][5:]
    late = quantile(taken, 0.95)
    print(
        f"\n{name}: a slider's picture after {statistics.median(taken):.0f} ms, 95 % {late:.0f} ms"
    )
    assert report(f"slider, {name}, 95th percentile / {limit} ms", [late / limit], 1.0)


def test_the_first_picture_comes_soon_after_torch_is_imported() -> None:
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        with serving(["dcgan-mnist"]) as server:
            answer = server.get("/v1/sample", checkpoint="dcgan-mnist", n=16, seed=1)
            taken.append(time.perf_counter() - began)
        assert answer.status_code == 200
    assert report("first picture / 2 s", [statistics.median(taken) / 2], 1.0)


def test_many_clients_get_half_of_what_python_draws_and_the_memory_stays() -> None:
    model = zoo.load("dcgan-mnist")
    zoo.draw(model, 64, seed=0)
    rates = []
    for _ in range(9):
        began = time.perf_counter()
        zoo.draw(model, 640, seed=0, batch_size=64)
        rates.append(640 / (time.perf_counter() - began))
    with command("serve", "dcgan-mnist", "--port", "0") as (address, process):
        where = f"{address}/v1/sample?checkpoint=dcgan-mnist&n=64&format=npz"
        httpx.get(where, trust_env=False)
        script = Path(__file__).with_name("clients.py")
        crowd = subprocess.Popen(
            [sys.executable, str(script), where, str(CLIENTS), str(SECONDS)],
            stdout=subprocess.PIPE,
            text=True,
        )
        server = psutil.Process(process.pid)
        sizes = []
        while crowd.poll() is None:
            sizes.append(server.memory_info().rss / 1e6)
            time.sleep(0.5)
        told = json.loads(crowd.communicate()[0])
    assert told.keys() <= {"200", "429", "bytes"}, told
    quarter = len(sizes) // 4
    third, last = (
        statistics.median(sizes[part * quarter : (part + 1) * quarter]) for part in (2, 3)
    )
    rate = 64 * told["200"] / SECONDS
    print(f"\n{told}; {rate:.0f} samples/s; memory {third:.0f} to {last:.0f} MB")
    assert last - third < GROWTH
    assert report("zoo.draw / served, samples a second", [statistics.median(rates) / rate], 2.0)
