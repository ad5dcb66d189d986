"""What people install: the wheel holds the whole product and nothing else, and works far from the checkout."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import tomllib
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("calendar_export", "webhooks", "integration")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# A start slower than this is taken for a hang; nothing is measured by it.
PATIENCE_SECONDS = 60


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run([*command], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]} answered {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment that holds the wheel, and borrows the libraries of the running one.

    They come by a .pth line, written after the install. Python does not follow the .pth files of a folder that comes
    so, and with it not the one by which an editable install points at the checkout.
    """
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    paths = sysconfig.get_paths("venv", vars={"base": str(folder), "platbase": str(folder)})
    python = Path(paths["scripts"]) / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (Path(paths["purelib"]) / "libraries.pth").write_text("\n".join(sorted(libraries)) + "\n")
    return Path(paths["scripts"])


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def env(tmp_path: Path, port: int) -> dict[str, str]:
    """Nothing of this process's own settings but what a program needs to start."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG") if name in os.environ}
    return kept | {
        "HOME": str(tmp_path),
        "PYTHONUNBUFFERED": "1",
        "TURNTWICE_DATA": str(tmp_path / "data"),
        "TURNTWICE_PUBLIC_URL": f"http://127.0.0.1:{port}",
    }


@pytest.fixture
def server(installed: Path, env: dict[str, str], port: int, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`turntwice serve`, once it has said where to open it."""
    command = [str(installed / "turntwice"), "serve", "--port", str(port)]
    with subprocess.Popen(
        command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        watchdog = threading.Timer(PATIENCE_SECONDS, process.kill)
        watchdog.start()
        try:
            said: list[str] = []
            for line in process.stdout or ():
                said.append(line)
                if f"127.0.0.1:{port}" in line:
                    break
            else:
                pytest.fail("serve ended without saying where to open it:\n" + "".join(said))
            yield process
        finally:
            watchdog.cancel()
            process.kill()


def fetch(url: str) -> tuple[str, str]:
    """Content type and text of an address on this machine; no proxy of the environment is asked."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=PATIENCE_SECONDS) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def product_files() -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def pins(name: str) -> set[str]:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    return {line.removesuffix(" \\") for line in text.splitlines() if line and not line.startswith(" ")}


def test_the_wheel_holds_every_file_of_the_three_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = product_files()
    assert {f"{package}/py.typed" for package in PACKAGES} <= expected
    assert any(name.endswith(".html") for name in expected)
    assert any(name.startswith("integration/store/migrations/") for name in expected)
    assert sorted(expected - names) == []
    assert sorted(names - expected) == []


def test_the_wheel_names_its_command_its_licence_and_its_python(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        info = {Path(name).name: archive.read(name).decode() for name in archive.namelist() if ".dist-info/" in name}
    assert set(info) == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "LICENSE"}
    assert "turntwice = integration.cli:main" in info["entry_points.txt"]
    assert f"Version: {PROJECT['version']}" in info["METADATA"]
    assert "Requires-Python: >=3.11" in info["METADATA"]
    assert "Root-Is-Purelib: true" in info["WHEEL"]


def test_the_installed_program_is_not_the_checkout(installed: Path, env: dict[str, str], tmp_path: Path) -> None:
    program = f"import importlib; print(*(importlib.import_module(n).__file__ for n in {PACKAGES}), sep='\\n')"
    files = run(installed / "python", "-c", program, cwd=tmp_path, env=env).split()
    assert len(files) == len(PACKAGES)
    assert all(Path(name).is_relative_to(installed.parent) for name in files), files


def test_the_installed_program_tells_its_version(installed: Path, env: dict[str, str], tmp_path: Path) -> None:
    assert PROJECT["version"] in run(installed / "turntwice", "--version", cwd=tmp_path, env=env)


def test_the_installed_program_makes_a_plan_and_serves_its_calendar(
    installed: Path, env: dict[str, str], tmp_path: Path, port: int, server: subprocess.Popen[str]
) -> None:
    plan = ("--zone", "Europe/Berlin", "--morning", "07:00", "--evening", "22:00", "--json")
    person = json.loads(run(installed / "turntwice", "person", "add", *plan, cwd=tmp_path, env=env))
    assert set(person) == {"person", "page", "feed"}
    fetch(f"http://127.0.0.1:{port}/healthz")
    kind, calendar = fetch(person["feed"])
    assert kind.startswith("text/calendar")
    assert calendar.startswith("BEGIN:VCALENDAR\r\n")
    assert calendar.count("BEGIN:VEVENT") > 100
    _, page = fetch(person["page"])
    styles = re.findall(r'<link[^>]+href="([^"]+\.css[^"]*)"', page)
    assert styles, "the page has a style sheet of its own"
    for style in styles:
        assert fetch(f"http://127.0.0.1:{port}{style}")[0].startswith("text/css")
    server.send_signal(signal.SIGTERM)
    assert server.wait(PATIENCE_SECONDS) == 0


@pytest.mark.parametrize(
    ("smaller", "larger"), [("run.txt", "full.txt"), ("full.txt", "dev.txt"), ("build.txt", "dev.txt")]
)
def test_a_larger_lock_holds_all_that_a_smaller_one_holds(smaller: str, larger: str) -> None:
    assert pins(smaller)
    assert sorted(pins(smaller) - pins(larger)) == []


@pytest.mark.parametrize("name", ["run.txt", "full.txt", "dev.txt", "build.txt"])
def test_a_lock_pins_by_hash_and_names_no_registry(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    assert all("==" in pin for pin in pins(name))
    assert text.count("--hash=sha256:") >= len(pins(name))
    assert "://" not in text
    assert "--index" not in text


def test_every_direct_dependency_is_locked() -> None:
    wanted = {re.split(r"[<>=\[ ;]", need)[0] for need in PROJECT["dependencies"]}
    assert wanted <= {pin.partition("==")[0] for pin in pins("run.txt")}
