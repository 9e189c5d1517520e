"""Searching: what carries our library's name on a Hub is found, and one strange card hides no
other.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Zoo
from hub_server import READ, Answer, Hub, status

import zoo as api
from zoo.common.errors import ZooError

CARDS = Path(__file__).parents[2] / "cards"


def card(**matter: Any) -> dict[str, bytes]:
    """A repository of a README.md with that front matter."""
    matter = {"library_name": "genzoo", **matter}
    return {"README.md": f"---\n{json.dumps(matter)}\n---\n# A checkpoint\n".encode()}


@pytest.fixture
def found(hub: Hub, zoo: Zoo) -> Any:
    """Search, and take the records."""

    def search(*words: object) -> list[dict[str, Any]]:
        result = zoo("search", "--json", *words)
        assert result.exit_code == 0, result.stderr
        records: list[dict[str, Any]] = json.loads(result.stdout)
        return records

    return search


def test_a_checkpoint_is_found_with_what_its_card_says(hub: Hub, found: Any) -> None:
    hub.put("you/vae", {"README.md": (CARDS / "vae-mnist" / "README.md").read_bytes()}, downloads=7)
    (one,) = found()
    told = {
        "name": "hf:you/vae",
        "model": "mlp-vae",
        "dataset": "mnist",
        "license": "apache-2.0",
        "downloads": 7,
    }
    assert one.items() >= told.items() and not one["gated"] and len(one["updated"]) == 10
    facts = json.loads((CARDS / "vae-mnist" / "facts.json").read_text())
    values = {metric["metric"]: metric["value"] for metric in one["metrics"]}
    measured = {one["metric"]: one["value"] for one in facts["evaluations"]}
    assert values.keys() == measured.keys()
    # a card has numbers rounded to their error
    assert all(values[name] == pytest.approx(measured[name], rel=0.02) for name in values)
    assert {metric["dataset"] for metric in one["metrics"]} == {"mnist"}


def test_other_libraries_are_not_found_though_they_carry_our_tag(hub: Hub, found: Any) -> None:
    hub.put("you/tagged", card(library_name="other", tags=["genzoo"]))
    assert found() == []


def test_a_text_is_looked_for_in_names_and_the_most_downloaded_come_first(
    hub: Hub, found: Any
) -> None:
    for name, downloads in {"a/vae": 1, "b/gan": 5, "c/vae-2": 9}.items():
        hub.put(name, card(), downloads=downloads)
    assert [one["name"] for one in found("vae")] == ["hf:c/vae-2", "hf:a/vae"]
    assert [one["name"] for one in found("vae", "--limit", 1)] == ["hf:c/vae-2"]
    assert len(found()) == 3


def test_a_search_goes_on_page_by_page_as_far_as_it_must(hub: Hub, found: Any) -> None:
    hub.page = 2
    for number in range(9):
        hub.put(
            f"you/{number}", card(library_name="genzoo" if number % 2 else "other", tags=["genzoo"])
        )
    assert len(found("--limit", 3)) == 3
    assert 3 <= len(hub.requests) < 5
    assert len(found()) == 4


def test_private_checkpoints_are_found_by_their_owner(hub: Hub, found: Any) -> None:
    hub.put("owner/secret", card(), private=True)
    assert found() == []
    assert [one["name"] for one in found("--token", READ)] == ["hf:owner/secret"]


STRANGE = [
    {"model-index": 5},
    {
        "model-index": [
            5,
            {"results": 5},
            {"results": [5, {"metrics": 5}, {"metrics": [5, {"type": 5, "value": "x"}]}]},
        ]
    },
    {"model-index": [{"results": [{"dataset": [1], "metrics": [{"type": "a", "value": [1]}]}]}]},
    {"tags": {"a": 1}, "datasets": "x", "license": ["mit"]},
    {"tags": [None, 5, ["x"]], "datasets": [[]], "license": 5},
    {"self": 1, "ignore_metadata_errors": 1, "eval_results": 1, "model_name": 1},
]


@pytest.mark.parametrize("matter", STRANGE, ids=str)
def test_a_card_of_another_form_hides_no_other(
    hub: Hub, found: Any, matter: dict[str, Any]
) -> None:
    hub.put("a/strange", card(**matter), downloads=9)
    hub.put("b/good", card(license="mit"))
    assert [one["name"] for one in found()] == ["hf:a/strange", "hf:b/good"]
    assert found()[1]["license"] == "mit"


def test_a_card_that_is_no_yaml_is_not_ours_and_hides_no_other(hub: Hub, found: Any) -> None:
    hub.put("a/strange", {"README.md": b"---\nlibrary_name: genzoo\n: : [\n---\n"})
    hub.put("b/good", card())
    assert [one["name"] for one in found()] == ["hf:b/good"]


def test_what_is_found_is_a_table_that_steers_no_terminal(hub: Hub, zoo: Zoo) -> None:
    hub.put("you/vae", card(license="\x1b[31mmit", tags=["x\ny"]), downloads=1234)
    result = zoo("search")
    header, row = result.stdout.splitlines()
    assert header.split() == ["NAME", "MODEL", "DATA", "DOWNLOADS", "LICENCE", "METRICS"]
    assert row.startswith("hf:you/vae  x�y") and "1,234" in row and "\x1b" not in row
    assert "zoo pull hf:you/vae" in result.stderr


def test_the_metrics_that_tell_most_are_shown_once_each(hub: Hub, zoo: Zoo) -> None:
    def told(**values: float) -> str:
        metrics = [{"type": name.rstrip("_"), "value": value} for name, value in values.items()]
        index = {"name": "a", "results": [{"dataset": {"name": "mnist"}, "metrics": metrics}]}
        hub.put("you/vae", card(**{"model-index": [index]}))
        return str(zoo("search").stdout.splitlines()[1]).partition("mnist")[2].split(maxsplit=1)[1]

    assert (
        told(nll=85.6, elbo=-92, nll_=85.2, recall=0.5, frechet_distance=9)
        == "frechet_distance 9, recall 0.5, nll 85.2"
    )
    assert told(elbo=-92, kl=23.25) == "elbo -92, kl 23.25"


def test_what_is_found_on_another_hub_is_said_to_be_pulled_from_there(
    hub: Hub, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.put("you/vae", card())
    assert "zoo pull hf:you/vae\n" in zoo("search").stderr
    monkeypatch.delenv("HF_ENDPOINT")
    assert (
        f"zoo pull hf:you/vae --endpoint {hub.endpoint}\n"
        in zoo("search", "--endpoint", f"{hub.endpoint}/").stderr
    )


def test_nothing_that_is_found_is_said(hub: Hub, zoo: Zoo) -> None:
    assert "No checkpoint on the Hub has 'xyz' in its name" in zoo("search", "xyz").stderr
    assert zoo("search", "xyz", "--json").stdout == "[]\n"


def entry(**values: Any) -> bytes:
    return json.dumps([{"id": "a/b", "library_name": "genzoo", **values}]).encode()


@pytest.mark.parametrize(
    "body", [b"<html>", b"[5]", b"[null]", b"5", b'[{"library_name": "genzoo"}]', b"{" * 99_999]
)
def test_an_endpoint_that_is_no_hub_is_said_to_be_none(hub: Hub, zoo: Zoo, body: bytes) -> None:
    hub.answers["/api/models"] = status(200, body=body)
    result = zoo("search")
    assert result.exit_code == 1 and result.stdout == ""
    assert (
        f"Can't search {hub.endpoint}: it does not answer like a Hugging Face Hub" in result.stderr
    )


@pytest.mark.parametrize(
    "values",
    [{"id": 5}, {"downloads": "many"}, {"cardData": [1]}, {"lastModified": 5}, {"gated": {}}],
)
def test_an_entry_of_another_form_is_no_traceback(
    hub: Hub, zoo: Zoo, values: dict[str, Any]
) -> None:
    hub.answers["/api/models"] = status(200, body=entry(**values))
    assert zoo("search").exit_code == 0 and zoo("search", "--json").exit_code == 0


@pytest.mark.parametrize(
    "entries", [[], [{"id": "a/b", "library_name": "other"}]], ids=["empty", "of others"]
)
def test_a_search_without_end_ends(
    hub: Hub, zoo: Zoo, monkeypatch: pytest.MonkeyPatch, entries: list[dict[str, str]]
) -> None:
    monkeypatch.setattr("zoo.hub.search.LOOKED_AT", 10)
    monkeypatch.setattr("zoo.hub.guard.MOST_REQUESTS", 15)
    link = {"Link": f'<{hub.endpoint}/api/models?again>; rel="next"'}
    hub.answers["/api/models"] = lambda answer: Answer(200, link, json.dumps(entries).encode())
    result = zoo("search", "--json")
    if entries:
        assert result.stdout == "[]\n" and len(hub.requests) == 10
    else:
        assert (
            "still has more to send after 15 requests" in result.stderr and len(hub.requests) == 15
        )


GOOD = {"id": "b/good", "library_name": "genzoo"}


def of_metric(value: Any) -> dict[str, Any]:
    index = [{"results": [{"metrics": [{"type": "nll", "value": value}]}]}]
    return {"id": "a/strange", "cardData": {"library_name": "genzoo", "model-index": index}}


BAD: dict[str, Any] = {
    "a metric of 401 digits": of_metric(10**400),
    "an infinite metric": of_metric(float("inf")),
    "a metric that is no number": of_metric(float("nan")),
    "fewer than no downloads": GOOD | {"id": "a/strange", "downloads": -1},
    "a million million downloads": GOOD | {"id": "a/strange", "downloads": 10**12},
    "infinite downloads": GOOD | {"id": "a/strange", "downloads": float("inf")},
    "401 digits of downloads": GOOD | {"id": "a/strange", "downloads": 10**400},
    "ESC": GOOD | {"id": "a/\x1b]0;pwned\x07"},
    "C1": GOOD | {"id": "a/\x9b31m"},
    "another direction": GOOD | {"id": "a/\u202egnp.exe"},
    "isolated": GOOD | {"id": "a/\u2066x\u2069"},
    "a line break": GOOD | {"id": "a/b\nzoo pull evil"},
    "a lone surrogate": GOOD | {"id": "a/\ud800"},
    "no slash": GOOD | {"id": "strange"},
    "a number for a name": GOOD | {"id": 5},
    "a very long name": GOOD | {"id": f"a/{'b' * 1000}"},
    "an entry that is none": 5,
    "an entry without a name": {"library_name": "genzoo"},
}


@pytest.mark.parametrize("json_", [False, True])
@pytest.mark.parametrize("case", BAD)
def test_a_bad_entry_is_left_out_and_counted(hub: Hub, zoo: Zoo, case: str, json_: bool) -> None:
    body = json.dumps([BAD[case], GOOD, BAD[case]]).encode()
    hub.answers["/api/models"] = status(200, body=body)
    result = zoo("search", *(["--json"] if json_ else []))
    assert result.exit_code == 0 and "b/good" in result.stdout, result.output
    assert "a/" not in result.stdout and "strange" not in result.stdout
    assert "2 of the Hub's entries could not be read, and were left out" in result.stderr
    assert all(letter.isprintable() or letter == "\n" for letter in result.output)


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("bad", [GOOD | {"id": "a/strange", "downloads": 1234}, of_metric(1234)])
def test_a_number_of_thousands_of_digits_hides_no_other_entry(
    hub: Hub, zoo: Zoo, bad: dict[str, Any], sign: str
) -> None:
    digits = sign + "9" * 6_000
    body = json.dumps([bad, GOOD]).replace("1234", digits).encode()
    hub.answers["/api/models"] = status(200, body=body)
    result = zoo("search", "--json")
    assert result.exit_code == 0, result.stderr
    assert [one["name"] for one in json.loads(result.stdout)] == ["hf:b/good"]
    assert "1 of the Hub's entries could not be read, and were left out" in result.stderr


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("2026-01-31T12:00:00.000Z", "2026-01-31"),
        ("2026-01-31", "2026-01-31"),
        ("2026-02-30T12:00:00.000Z", ""),
        ("yesterday, or so", ""),
        ("", ""),
        (5, ""),
    ],
)
def test_when_an_entry_was_updated_is_a_date_or_is_not_said(
    hub: Hub, found: Any, said: Any, told: str
) -> None:
    hub.answers["/api/models"] = status(200, body=entry(lastModified=said))
    assert found()[0]["updated"] == told


@pytest.mark.parametrize("hostile", ["\x1b]0;pwned\x07", "\x9b31m", "\u202egnp", "\ud800"])
def test_words_of_a_card_steer_no_terminal(hub: Hub, zoo: Zoo, hostile: str) -> None:
    index = [
        {"results": [{"dataset": {"name": hostile}, "metrics": [{"type": hostile, "value": 1}]}]}
    ]
    card = {"library_name": "genzoo", "license": hostile, "tags": [hostile], "model-index": index}
    entry = {"id": "a/b", "cardData": card, "lastModified": hostile}
    hub.answers["/api/models"] = status(200, body=json.dumps([entry]).encode())
    for words in (["search"], ["search", "--json"], ["search", "--debug"]):
        result = zoo(*words)
        assert result.exit_code == 0 and "a/b" in result.stdout
        assert all(letter.isprintable() or letter == "\n" for letter in result.output)


def test_a_search_from_python_gives_records(hub: Hub) -> None:
    hub.put("a/vae", card(license="mit"), downloads=3)
    hub.put("a/gan", card(), downloads=9)
    assert [one["name"] for one in api.search()] == ["hf:a/gan", "hf:a/vae"]
    (one,) = api.search("vae", limit=1, endpoint=hub.endpoint)
    assert one["license"] == "mit" and one["metrics"] == []
    assert "hf:a/gan" in str(api.search()) and "<td>hf:a/gan</td>" in api.search()._repr_html_()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"query": 5}, "query is a text to look for in names, not 5"),
        ({"query": None}, "query is a text"),
        ({"limit": 0}, "limit is a number from 1 to 1,000, not 0"),
        ({"limit": "many"}, "limit is a number from 1 to 1,000, not 'many'"),
        ({"limit": True}, "limit is a number"),
        ({"limit": 10**9}, "limit is a number"),
        ({"endpoint": 5}, "endpoint is the address of a Hub as text, not 5"),
        ({"token": b"hf"}, "token is a text, not a bytes"),
    ],
)
def test_what_a_search_can_not_take_is_said(
    hub: Hub, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(ZooError, match=words):
        api.search(**arguments)
    assert hub.requests == []
