"""Run one Pulumi program; started by the language host with the program's own Python, and imported by nothing.

The one argument is a JSON object with the members of the engine's request. Ends with 0, with the program's own exit
code, or with 32 after an error that was already shown.
"""

import asyncio
import json
import logging
import os
import runpy
import signal
import sys
import traceback

SHOWN = 32
ENDED = "resource monitor shut down"
"""What the engine answers to a component that failed, after it has told why."""


def main() -> int:
    """Run the program and return its exit code."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    request = json.loads(sys.argv[1])
    program = os.path.join(request["program_directory"], request["entry_point"])  # noqa: PTH118 - quick to start
    if request["entry_point"] in {"", "."}:
        program = request["program_directory"]
    sys.path[0] = request["program_directory"]
    sys.argv = [program, *request["arguments"]]
    os.chdir(request["working_directory"])
    try:
        import pulumi  # noqa: PLC0415 - the program's Python may not have it
        import pulumi.runtime  # noqa: PLC0415
    except ImportError as error:
        sys.stderr.write(
            f"{error}\nThe project's Python, {sys.executable}, lacks the Pulumi SDK: run 'pulumi install'\n"
        )
        return SHOWN
    pulumi.runtime.set_all_config(
        pulumi.runtime.get_config_env(),  # type: ignore[no-untyped-call, unused-ignore]
        pulumi.runtime.get_config_secret_keys_env(),
    )
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            project=request["project"],
            stack=request["stack"],
            monitor=request["monitor"],
            engine=request["engine"],
            parallel=request["parallel"],
            dry_run=request["dry_run"],
            organization=request["organization"],
            root_directory=request["root_directory"],
        )
    )
    # A run that fails leaves futures nobody waited for; asyncio's complaints about these are no help to the reader.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    def run() -> None:
        runpy.run_path(program, run_name="__main__")

    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(run))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return SHOWN
    except Exception as error:  # noqa: BLE001 - whatever the program raises is shown as its own traceback
        if str(error) != ENDED:
            pulumi.log.error(own_traceback(error))
        return SHOWN
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def own_traceback(error: BaseException) -> str:
    """Return the traceback from the program's first frame on, without the frames that led to it."""
    summary = traceback.TracebackException.from_exception(error)
    frames = summary.stack
    ours = [
        i
        for i, frame in enumerate(frames)
        if frame.filename.startswith("<frozen runpy") or "/runpy.py" in frame.filename
    ]
    if ours and ours[-1] + 1 < len(frames):
        summary.stack = traceback.StackSummary.from_list(list(frames)[ours[-1] + 1 :])
    return "".join(summary.format())


if __name__ == "__main__":
    sys.exit(main())
