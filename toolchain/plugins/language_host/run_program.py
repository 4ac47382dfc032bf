"""Run one Pulumi program; started by the language host with the program's own Python, and imported by nothing.

The one argument is a JSON object with the members of the engine's request. Ends with 0, with the program's own exit
code, with 32 after an error that was already shown, or with 33 where there is no Pulumi SDK.
"""

import asyncio
import json
import logging
import os
import runpy
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

SHOWN = 32
NO_SDK = 33
ENDED = "resource monitor shut down"
"""What the engine answers to a component that failed, after it has told why."""
THREADS = 4
"""For each resource that may be worked on at once: what waits for the engine's answers waits in threads."""


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
        sys.stderr.write(f"{error}\n")
        return NO_SDK
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
    if os.path.isdir(program) and not os.path.exists(os.path.join(program, "__main__.py")):  # noqa: PTH110, PTH112, PTH118
        pulumi.log.error(f"there is no __main__.py in {program}")
        return SHOWN
    # A run that fails leaves futures nobody waited for; asyncio's complaints about these are no help to the reader.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_default_executor(ThreadPoolExecutor(THREADS * max(request["parallel"], 1)))

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
    frames = list(summary.stack)
    first = next((i for i, frame in enumerate(frames) if not _leads_to_program(frame.filename)), len(frames))
    if first < len(frames) or isinstance(error, SyntaxError):  # of a syntax error the place is told beside the frames
        summary.stack = traceback.StackSummary.from_list(frames[first:])
    return "".join(summary.format())


def _leads_to_program(file: str) -> bool:
    import pulumi  # noqa: PLC0415 - the program's Python may not have it

    machinery = (os.path.dirname(module.__file__ or "?") + os.sep for module in (asyncio, pulumi))  # noqa: PTH120
    return file in {__file__, runpy.__file__} or file.startswith(("<frozen ", *machinery))


if __name__ == "__main__":
    sys.exit(main())
