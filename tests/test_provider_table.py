"""A provider is not there until its row, its samples and its recipe are: the README's table tells of all of them."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from integration.pages import recipes
from tests.make_table import BEGIN, END, README, TOLD, TOLD_END, renewed
from webhooks.grade import Grade
from webhooks.registry import Provider, providers
from webhooks.signatures import Proof
from webhooks.table import row, table

SAMPLES = Path(__file__).parent / "samples"
NEWCOMER = '''"""Bell: somebody rings it when done. Documentation: none, it is a bell."""

from datetime import date

from webhooks.grade import Grade
from webhooks.payload import convert, parse_json
from webhooks.report import Kind, Report
from webhooks.signatures import Proof, check_shared, shared_secret

TITLE = "Bell"
REALTIME = True
MIXED = False
SECRETS = Proof("required", "password", "Bell’s password", check_shared)
GRADE = Grade(signed=False, names="delivery", undo=False, sample="captured", checked=date(2026, 6, 2))


def verify(incoming, secrets):
    shared_secret(incoming.headers.get("x-bell", ""), secrets)


def reports(incoming):
    return [Report(Kind.DONE, convert(parse_json(incoming), dict[str, str])["id"])]
'''


def lacks(known: Mapping[str, Provider]) -> list[str]:
    """What each provider is still without, with the cure."""
    found = []
    for name in known:
        if not list((SAMPLES / name).glob("*.json")):
            found.append(f"{name}: put real bodies into tests/samples/{name}/*.json (tests/samples/README.md)")
        if not recipes.has_recipe(name):
            found.append(f"{name}: write integration/pages/templates/recipes/{name}.html")
    return found


@pytest.fixture
def bell(tmp_path: Path) -> Mapping[str, Provider]:
    (tmp_path / "bell.py").write_text(NEWCOMER)
    return providers(tmp_path)


def test_the_readme_has_the_table_as_the_providers_are():
    text = README.read_text(encoding="utf-8")
    assert text == renewed(text), (
        "README.md is behind the providers and services; write its tables anew: python tests/make_table.py"
    )


def test_every_provider_has_samples_and_a_recipe():
    assert not lacks(providers()), "\n".join(lacks(providers()))


def test_every_provider_has_a_row_and_every_row_its_cells():
    head, line, *rows = table(providers()).splitlines()
    assert [f"`/hooks/{name}/KEY`" in told for name, told in zip(providers(), rows, strict=True)] == [True] * len(rows)
    assert {told.count("|") for told in (head, line, *rows)} == {8}


def test_a_provider_dropped_in_is_in_the_table_and_refused_without_samples_and_recipe(bell):
    told = "| Bell | `/hooks/bell/KEY` | the bell’s password | by the sender’s id | no | caught live | 2026-06-02 |"
    assert told in table(bell).splitlines()
    assert [line.partition(":")[0] for line in lacks(bell)] == ["bell", "bell"]


@pytest.mark.parametrize(
    "needed, signed, words",
    [
        ("none", False, "the address"),
        ("optional", False, "the address; a token if you set one"),
        ("optional", True, "the address; a signature if you set one"),
        ("required", False, "the token"),
        ("required", True, "a signature"),
    ],
)
def test_the_proof_is_said_in_words(bell, needed, signed, words):
    bell["bell"].SECRETS = Proof(needed, "token", "Token")
    bell["bell"].GRADE = Grade(signed=signed, names="made", undo=True, sample="made")
    assert row("bell", bell["bell"]).proof == words


def test_without_its_markers_the_readme_is_left_alone():
    with pytest.raises(ValueError, match="around the table"):
        renewed(README.read_text(encoding="utf-8").replace(END, ""))
    with pytest.raises(ValueError, match="around the table"):
        renewed(f"nothing{END}")
    assert BEGIN in renewed(f"a\n{BEGIN}old\n{END}b\n{TOLD}{TOLD_END}")
