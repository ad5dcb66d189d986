from pathlib import Path

import pytest

from webhooks import registry
from webhooks.errors import BadProvider
from webhooks.report import Incoming, Kind, Report

DROPPED_IN = '''"""Bell: somebody rings it when done. Documentation: none, it is a bell."""

from webhooks.grade import Grade
from webhooks.payload import convert, parse_json
from webhooks.report import Kind, Report
from webhooks.signatures import Proof, check_shared, shared_secret

TITLE = "Bell"
REALTIME = True
MIXED = False
SECRETS = Proof("required", "password", "Password", check_shared)
GRADE = Grade(signed=False, names="made", undo=False, sample="made")


def verify(incoming, secrets):
    shared_secret(incoming.headers.get("x-bell", ""), secrets)


def reports(incoming):
    ring = convert(parse_json(incoming), dict[str, str])
    return [Report(Kind.DONE, ring["id"])]
'''


def drop(folder: Path, source: str, name: str = "bell") -> Path:
    (folder / f"{name}.py").write_text(source)
    return folder


def test_every_file_in_the_folder_is_a_provider():
    files = {path.stem for path in registry.HOME.glob("*.py")} - {"__init__"}
    assert set(registry.providers()) == files
    assert {"standard", "simple", "habitica"} <= files


def test_providers_are_looked_for_once_and_cannot_be_changed():
    assert registry.providers() is registry.providers()
    with pytest.raises(TypeError):
        registry.providers()["x"] = None  # type: ignore[index]


def test_every_provider_says_what_proof_it_needs():
    for provider in registry.providers().values():
        proof = provider.SECRETS
        assert bool(proof.setting and proof.label and proof.check) is (proof.needed != "none")
        assert proof.make is None or proof.check is None or proof.check(proof.make())


def test_a_file_dropped_in_is_a_provider(tmp_path):
    found = registry.providers(drop(tmp_path, DROPPED_IN))
    assert set(found) == {*registry.providers(), "bell"}
    ring = Incoming({"content-type": "application/json"}, b'{"id": "7"}', None)
    assert found["bell"].reports(ring) == [Report(Kind.DONE, "7")]


@pytest.mark.parametrize(
    "cut, put, complaint",
    [
        ('"""Bell: somebody rings it when done. Documentation: none, it is a bell."""', "", "docstring"),
        ('TITLE = "Bell"', "", "set TITLE to a str"),
        ("REALTIME = True", 'REALTIME = "yes"', "set REALTIME to a bool"),
        ("MIXED = False", "", "set MIXED to a bool"),
        (
            'SECRETS = Proof("required", "password", "Password", check_shared)',
            'SECRETS = "none"',
            "set SECRETS to a Proof",
        ),
        ('GRADE = Grade(signed=False, names="made", undo=False, sample="made")', "", "set GRADE to a Grade"),
        ("def verify(", "def check(", r"write a function verify\(incoming, secrets\)"),
        ("def reports(incoming)", "def reports(incoming, secrets)", r"write a function reports\(incoming\)"),
        ("def reports(", "def handshake():\n    pass\n\n\ndef reports(", r"write a function handshake\(incoming\)"),
        ("def verify(", "reports = 3\n\n\ndef verify(", None),
    ],
)
def test_a_file_that_breaks_the_contract_is_named_with_the_cure(tmp_path, cut, put, complaint):
    assert cut in DROPPED_IN
    folder = drop(tmp_path, DROPPED_IN.replace(cut, put))
    if complaint is None:
        assert "bell" in registry.providers(folder)
        return
    with pytest.raises(BadProvider, match=rf"bell\.py: .*{complaint}"):
        registry.providers(folder)


def test_a_name_that_cannot_be_an_address_is_refused(tmp_path):
    with pytest.raises(BadProvider, match="lower-case"):
        registry.providers(drop(tmp_path, DROPPED_IN, "Bell"))


def test_two_files_of_one_name_are_refused(tmp_path):
    with pytest.raises(BadProvider, match=r"standard\.py"):
        registry.providers(drop(tmp_path, DROPPED_IN, "standard"))


def test_a_folder_is_no_provider(tmp_path):
    (tmp_path / "bells").mkdir()
    (tmp_path / "bells" / "__init__.py").write_text(DROPPED_IN)
    with pytest.raises(BadProvider, match=r"one file, bells\.py"):
        registry.providers(tmp_path)


def test_a_file_with_an_underscore_is_left_alone(tmp_path):
    assert set(registry.providers(drop(tmp_path, "x = 1", "_shared"))) == set(registry.providers())
