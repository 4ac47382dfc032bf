"""What becomes of a program: its failures, settings, messages, and how many resources are worked on at once."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest

from core.errors import KitError
from tests.toolchain.plugins.engine import VENV, Project
from tests.waiting import eventually

pytestmark = pytest.mark.toolchain

PLUGIN = "runtime:\n  name: python\n  options:\n    virtualenv: {venv}\n"

GATE = """
import asyncio, pathlib, sys
from pulumi.provider.experimental import provider, server

HERE = pathlib.Path(sys.path[0])

class Gate(provider.Provider):
    at_once = most = 0
    reached = asyncio.Event()

    async def create(self, request):
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        if self.at_once == int((HERE / "expected").read_text()):
            self.reached.set()
        await asyncio.wait_for(self.reached.wait(), 60)
        await asyncio.sleep(0.2)  # how long the work on one resource takes: time for one too many to begin
        self.at_once -= 1
        (HERE / "most").write_text(str(self.most))
        return provider.CreateResponse("made", {})

server.main(sys.argv, "1.0.0", Gate())
"""

FILE = """
import pathlib, pulumi
from pulumi import dynamic

class Files(dynamic.ResourceProvider):
    def create(self, props):
        pathlib.Path(props["path"]).write_text(props["text"])
        return dynamic.CreateResult(props["path"], props)

    def read(self, id_, props):
        return dynamic.ReadResult(id_, {**props, "text": pathlib.Path(id_).read_text()})

    def diff(self, id_, olds, news):
        return dynamic.DiffResult(changes=olds["text"] != news["text"])

    def update(self, id_, olds, news):
        return dynamic.UpdateResult(self.create(news).outs)

    def delete(self, id_, props):
        pathlib.Path(id_).unlink()

class File(dynamic.Resource):
    text: pulumi.Output[str]

    def __init__(self, name, text):
        super().__init__(Files(), name, {"path": str(pathlib.Path(name).absolute()), "text": text})
"""


FAILURES = {
    "exception": (
        "def inner():\n    raise ValueError('mine')\n\ninner()",
        """
        Traceback (most recent call last):
          File "MAIN", line 4, in <module>
            inner()
          File "MAIN", line 2, in inner
            raise ValueError('mine')
        ValueError: mine
        """,
    ),
    "syntax error": (
        "x = = 1",
        """
          File "MAIN", line 1
            x = = 1
                ^
        SyntaxError: invalid syntax
        """,
    ),
    "missing import": (
        "import nothing_here",
        """
        Traceback (most recent call last):
          File "MAIN", line 1, in <module>
            import nothing_here
        ModuleNotFoundError: No module named 'nothing_here'
        """,
    ),
    "failing apply": (
        "import pulumi\n\ndef fails(_):\n    raise ValueError('late')\n\npulumi.Output.from_input(1).apply(fails)",
        """
        Traceback (most recent call last):
          File "MAIN", line 4, in fails
            raise ValueError('late')
        ValueError: late
        """,
    ),
    "RunError": ("import pulumi\nraise pulumi.RunError('no good')", "no good"),
    "exit code": ("import sys\nsys.exit(3)", "an unhandled error occurred: the program ended with exit code 3"),
    "signal": (
        "import os\nos.kill(os.getpid(), 9)",
        "an unhandled error occurred: the program was ended by SIGKILL",
    ),
    "no program": ("", "there is no __main__.py in FOLDER"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_failing_program_tells_its_own_error_and_nothing_else(bare: Project, case: str) -> None:
    """A traceback holds the program's own frames; the machinery around it is not seen, nor is anything said twice."""
    program, said = FAILURES[case]
    if program:
        bare.write(program)
    with pytest.raises(KitError) as caught:
        bare.up()
    told = textwrap.dedent(re.sub(r"\A.*\n  (program|pulumi): ", "  ", str(caught.value)))
    expected = said.replace("MAIN", f"{bare.folder}/__main__.py").replace("FOLDER", str(bare.folder))
    assert told.strip().splitlines() == textwrap.dedent(expected).strip().splitlines()


def test_secret_setting_reaches_the_program_and_nobody_else(bare: Project) -> None:
    """A secret of the settings is usable in the program; outputs hide it unless asked, state and arguments lack it."""
    bare.write(
        """
        import pathlib
        import pulumi
        from pulumi.runtime.config import is_config_secret

        config = pulumi.Config()
        secret = config.require_secret("password")
        pulumi.export("length", pulumi.Output.unsecret(secret.apply(len)))
        pulumi.export("password", secret)
        pulumi.export("greeting", config.require("greeting"))
        pulumi.export("secrets", [key for key in ("greeting", "password") if is_config_secret(f"project:{key}")])
        pulumi.export("arguments", pathlib.Path("/proc/self/cmdline").read_text())
        """
    )
    for words in (["--secret", "password", "hunter2"], ["greeting", "xin chào"]):
        code, said = bare.cli("config", "set", *words)
        assert code == 0, said
    outputs = bare.up().outputs
    assert (outputs["length"], outputs["password"], outputs["greeting"]) == (7, "hunter2", "xin chào")
    assert outputs["secrets"] == ["password"]
    assert "hunter2" not in outputs["arguments"]
    assert json.loads(bare.cli("stack", "output", "--json")[1])["password"] == "[secret]"
    assert json.loads(bare.cli("stack", "output", "--json", "--show-secrets")[1])["password"] == "hunter2"
    assert "hunter2" not in json.dumps(bare.state())


def said_at_preview(project: Project) -> dict[str, str]:
    """Preview a program; return the level of each message."""
    heard: dict[str, str] = {}

    def listen(event: Any) -> None:
        if said := event.diagnostic_event:
            heard[re.sub(r"<\{%.*?%\}>|^\w+: ", "", said.message).strip()] = said.severity

    project.preview(on_event=listen)
    return heard


def test_each_level_of_log_is_shown_as_such(bare: Project) -> None:
    """Messages keep their level, what is printed is shown too, and none of it makes a run fail."""
    bare.write(
        """
        import pulumi

        pulumi.log.debug("one")
        pulumi.log.info("two")
        pulumi.log.warn("three")
        pulumi.log.error("four")
        print("five")
        """
    )
    heard = said_at_preview(bare)
    expected = {"one": "debug", "two": "info", "three": "warning", "four": "error", "five": "info"}
    assert {text: heard.get(text) for text in expected} == expected


def test_preview_as_json_is_json_alone(bare: Project) -> None:
    """What the program prints is a part of the document, not beside it."""
    bare.write("import pulumi\nprint('printed')\npulumi.export('a', 1)\n")
    code, said = bare.cli("preview", "--json")
    document = json.loads(said)
    assert code == 0
    assert document["changeSummary"] == {"create": 1}
    assert "printed" in json.dumps(document["diagnostics"])


def test_dynamic_provider_lives_in_the_program(bare: Project) -> None:
    """A provider that is written in the program makes, changes, refreshes and deletes, with a secret kept secret."""
    bare.write(FILE + "pulumi.export('text', File('a.txt', pulumi.Config().require_secret('text')).text)\n")
    made = bare.folder / "a.txt"
    for text in ("first", "second"):
        bare.cli("config", "set", "--secret", "text", text)
        assert bare.up().outputs == {"text": text}
        assert made.read_text() == text
    assert bare.up().changed == 0
    assert "second" not in json.dumps(bare.state())
    bare.destroy()
    assert not made.exists()


def test_up_with_refresh_mends_what_was_changed_elsewhere(bare: Project) -> None:
    """Without --refresh the state is believed; with it, what is there counts."""
    bare.write(FILE + "File('a.txt', 'mine')\n")
    bare.up()
    (bare.folder / "a.txt").write_text("theirs")
    assert bare.up().changed == 0
    code, said = bare.cli("up", "--yes", "--skip-preview", "--refresh")
    assert code == 0, said
    assert (bare.folder / "a.txt").read_text() == "mine"


@pytest.mark.parametrize(("parallel", "resources"), [(2, 6), (24, 24)])
def test_as_many_resources_are_worked_on_at_once_as_asked(bare: Project, parallel: int, resources: int) -> None:
    """--parallel is the most, and is reached however few processors there are."""
    gate = bare.folder / "gate"
    gate.mkdir()
    (gate / "PulumiPlugin.yaml").write_text(PLUGIN.format(venv=VENV))
    (gate / "expected").write_text(str(parallel))
    bare.write(GATE, "gate/__main__.py")
    settings = (bare.folder / "Pulumi.yaml").read_text()
    bare.write(settings + "plugins:\n  providers:\n    - name: gate\n      path: ./gate\n", "Pulumi.yaml")
    bare.write(
        f"""
        import pulumi

        for number in range({resources}):
            pulumi.CustomResource("gate:index:Gate", str(number), {{}})
        """
    )
    code, said = bare.cli("up", "--yes", "--skip-preview", f"--parallel={parallel}")
    assert code == 0, said
    assert (gate / "most").read_text() == str(parallel)


def test_interrupt_ends_everything_and_keeps_the_state(bare: Project) -> None:
    """Ctrl-C goes to the whole group of processes: the program ends, none is left, and what was made is known."""
    bare.write(
        FILE
        + """
import os, pathlib, time

def wait(_):
    pathlib.Path("processes.new").write_text(f"{os.getpid()} {os.getppid()}")
    pathlib.Path("processes.new").rename("processes")
    time.sleep(300)

if not pulumi.Config().get_bool("quick"):
    File("a.txt", "made").text.apply(wait)
"""
    )
    said = bare.folder / "said"
    with said.open("w") as output:
        engine = subprocess.Popen(
            ["pulumi", "up", "--yes", "--skip-preview", "--stack", bare.stack, "--non-interactive"],
            cwd=bare.folder,
            env={**os.environ, **bare.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        written = bare.folder / "processes"
        eventually(written.exists, "the program waits", 120)
        processes = [int(word) for word in written.read_text().split()]
        os.killpg(engine.pid, signal.SIGINT)
        assert engine.wait(120) != 0
    eventually(lambda: not any(Path(f"/proc/{process}").exists() for process in processes), "no process is left")
    assert "Traceback" not in said.read_text()
    assert (bare.folder / "a.txt").read_text() == "made"
    assert bare.resource("dynamic:Resource")["id"] == str(bare.folder / "a.txt")
    bare.cli("config", "set", "quick", "true")
    assert bare.up().changes["delete"] == 1
    assert not (bare.folder / "a.txt").exists()
