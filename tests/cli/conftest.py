"""The command line, the shared service, and a folder with the samples."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli import main as command_line
from tests.cli.proxy import faulty_proxy
from tests.origin import CUP, LOGO
from tests.stack import KEY

TIMEOUT_S = 90


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The working directory of the command; has cup.jpg and logo.png."""
    (tmp_path / "cup.jpg").write_bytes(CUP)
    (tmp_path / "logo.png").write_bytes(LOGO)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def superimpose(service, folder, monkeypatch):
    """Runs the command line in this process, configured for the shared service."""
    for name, value in service.env.items():
        if name.startswith("SUPERIMPOSE_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("SUPERIMPOSE_SERVER", service.url)
    monkeypatch.setenv("SUPERIMPOSE_API_KEY", KEY)

    def superimpose(*arguments: str) -> Result:
        return CliRunner().invoke(command_line.app, arguments)

    return superimpose


@pytest.fixture
def without_service(settings, monkeypatch):
    """Runs the command line in this process on an empty Redis."""
    monkeypatch.setenv("SUPERIMPOSE_REDIS_URL", settings.redis_url)
    monkeypatch.setenv("SUPERIMPOSE_DATA_DIR", str(settings.data_dir))

    def run(*arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(command_line.app, arguments, **options)

    return run


def words(text: str) -> str:
    """A message without the box that typer draws around it."""
    return " ".join(text.replace("│", " ").split())


@pytest.fixture
def main(monkeypatch, capsys):
    """Runs the command line in this process as the installed script does, including its error messages."""

    def main(*arguments: str, **env: str) -> "CompletedProcess[str]":
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["superimpose", *arguments])
            patch.setattr(sys.modules["__main__"], "__package__", None)  # else its name would be pytest's
            for name, value in env.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                command_line.main()
        message = capsys.readouterr()
        return CompletedProcess(arguments, int(ended.value.code or 0), message.out, message.err)

    return main


@pytest.fixture
def start(superimpose):
    """Starts the command line as a process that a test can interrupt; stops it at the end."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> "subprocess.Popen[str]":
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        command = [sys.executable, "-m", "cli", *arguments]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=env))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def interrupted(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Press Ctrl-C; returns exit status and stderr."""
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, message


@pytest.fixture
def proxy(service, superimpose, monkeypatch):
    """A proxy of the service, which tests can configure to send other responses."""
    with faulty_proxy(service.url) as proxy:
        monkeypatch.setenv("SUPERIMPOSE_SERVER", proxy.url)
        yield proxy
