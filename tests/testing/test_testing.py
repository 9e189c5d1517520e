"""testing: every check finds the models that it is for, and lets those pass that keep the contract."""

import inspect
import re
import unittest
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from mutants import MUTANTS, SOUND, Mutant
from mutants.sound import Painter

from zoo import testing
from zoo.common.errors import NotFoundError
from zoo.models.interface import Autoencoder, GenerativeModel, LatentModel
from zoo.registry.registry import installed
from zoo.testing import MODEL_CHECKS, OFFER_CHECKS, ModelContract, Verdict, verdicts

OFFER = """
from zoo import ModelSpec, hookimpl

@hookimpl
def zoo_models():
    return [{specs}]
"""


def spec(model: type, **own: Any) -> str:
    """The source of a ModelSpec for a class of tests/mutants."""
    bases = {"decode": LatentModel, "encode": Autoencoder}
    capabilities = ("sample", *(name for name, base in bases.items() if issubclass(model, base)))
    given = {"name": model.__name__.lower(), "entry_point": f"{model.__module__}:{model.__name__}"}
    given |= {"summary": model.__name__, "capabilities": capabilities}
    trainable = getattr(model, "training_step", None) is not GenerativeModel.training_step
    given |= {"kind": getattr(model, "sample_kind", "image"), "trainable": trainable, **own}
    return f"ModelSpec(**{given!r})"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed distributions that offer the models of tests/mutants."""
    folder = tmp_path_factory.mktemp("site")
    specs: dict[str, list[str]] = {
        "zoo_mutants": [],
        "zoo_mutants_heavy": [],
        "zoo_mutants_troubled": ["None"],
    }
    specs["zoo_mutants"] = [spec(model) for model in dict(SOUND)]
    for mutant in MUTANTS:
        specs[mutant.entry_module].append(spec(mutant.model, **mutant.spec))
    for module, offered in specs.items():
        heavy = "import torch\n" if module.endswith("heavy") else ""
        (folder / f"{module}.py").write_text(heavy + OFFER.format(specs=", ".join(offered)))
        metadata = folder / f"{module}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[zoo]\n{module} = {module}\n")
    return folder


@pytest.fixture(autouse=True)
def offered(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The models of tests/mutants are installed."""
    monkeypatch.syspath_prepend(site)
    installed.cache_clear()


def until(check: str, name: str, config: Mapping[str, Any]) -> list[Verdict]:
    """The verdicts on a model as far as one check's."""
    found = []
    for verdict in verdicts(name, config):
        found.append(verdict)
        if verdict.check == check:
            break
    return found


@pytest.mark.parametrize(
    "mutant", MUTANTS, ids=lambda mutant: f"{mutant.check}-{mutant.model.__name__}"
)
def test_a_broken_model_is_found_by_its_check_in_words_that_mend_and_breaks_none_before(
    mutant: Mutant,
) -> None:
    *before, last = until(
        mutant.check.replace("_", " "), mutant.model.__name__.lower(), mutant.config
    )
    assert last.check == mutant.check.replace("_", " ")
    assert (last.verdict, [one for one in before if one.verdict == "broke"]) == (
        "falls short",
        [],
    ), last.says
    assert re.search(mutant.words, last.says), last.says


@pytest.mark.parametrize(
    "check", [check.__name__.removeprefix("check_") for check in (*OFFER_CHECKS, *MODEL_CHECKS)]
)
def test_no_check_is_idle_each_finds_a_model_that_all_before_it_let_pass(check: str) -> None:
    found = (
        until(check.replace("_", " "), mutant.model.__name__.lower(), mutant.config)
        for mutant in MUTANTS
        if mutant.check == check
    )
    assert any(all(one.verdict == "kept" for one in before) for *before, _ in found)


@pytest.mark.parametrize(("model", "config"), SOUND, ids=lambda one: getattr(one, "__name__", ""))
def test_a_model_that_keeps_the_contract_passes_every_check(
    model: type, config: Mapping[str, Any]
) -> None:
    found = list(verdicts(model.__name__.lower(), config))
    assert [one for one in found if one.verdict != "kept"] == []
    assert len(found) == len(OFFER_CHECKS) + 1 + len(MODEL_CHECKS)
    assert sum(one.seconds for one in found) < 20


def test_a_check_that_a_model_waives_is_shown_with_its_reason_and_skipped_by_its_contract(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Painter, "unfit", {"export": "it counts its latents"})
    waived = [one for one in verdicts("painter", {}) if one.verdict != "kept"]
    assert [one[:3] for one in waived] == [("export", "waived", "it counts its latents")]

    class TestPainter(ModelContract):
        model = "painter"
        unfit = {"labels": "it reads no labels"}

    contract = TestPainter()
    for test, reason in (
        (contract.test_its_latents_can_be_captured_for_batches_of_any_size, "counts its latents"),
        (contract.test_it_takes_the_labels_there_are_and_refuses_others, "reads no labels"),
    ):
        with pytest.raises(unittest.SkipTest, match=f"waived: it {reason}"):
            test()


def test_the_checks_are_plain_functions_that_do_without_pytest() -> None:
    for room in Path(inspect.getfile(testing)).parent.glob("*.py"):
        assert not re.search(r"^\s*(import|from) pytest", room.read_text(), re.MULTILINE), room
    assert all(inspect.isfunction(check) for check in (*OFFER_CHECKS, *MODEL_CHECKS))


def test_a_contract_for_a_model_that_nobody_offers_says_so() -> None:
    class TestMisspelt(ModelContract):
        model = "paniter"

    contract = TestMisspelt()
    for test in [name for name in vars(ModelContract) if name.startswith("test_")]:
        with pytest.raises(
            NotFoundError, match=r"No installed plugin offers a model 'paniter'\. Did you mean"
        ):
            getattr(contract, test)()


def test_every_check_has_a_mutant_a_line_that_says_what_it_is_for_and_a_test_in_the_contract() -> (
    None
):
    checks = {check.__name__: check for check in (*OFFER_CHECKS, *MODEL_CHECKS)}
    assert checks.keys() == {f"check_{mutant.check}" for mutant in MUTANTS}
    assert all((check.__doc__ or "").splitlines()[0].endswith(".") for check in checks.values())
    tests = [
        inspect.getsource(one)
        for name, one in vars(ModelContract).items()
        if name.startswith("test_")
    ]
    called = [re.findall(r"\b(check_\w+)\(", source) for source in tests]
    assert sorted(called) == sorted([name] for name in checks)
