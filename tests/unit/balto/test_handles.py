"""A want of file handles is said in one line, on the loop of a command and on that of a server."""

import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, logging, os, resource, socket, sys
from balto import handles
from balto.loops import serving_loop

async def main():
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    newcomer = socket.socket()
    newcomer.setblocking(False)
    async with handles.Handles().watching():
        await asyncio.sleep(3 * handles._LOOK_S)
        logging.warning("now")
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        taken = []
        try:
            while True:
                taken.append(os.dup(0))
        except OSError:
            pass
        newcomer.connect_ex(server.sockets[0].getsockname())
        await asyncio.sleep(3 * handles._LOOK_S)
    for one in taken:
        os.close(one)

handles._LOOK_S = 0.05
logging.basicConfig(format="%(message)s")
with asyncio.Runner(loop_factory=serving_loop if sys.argv[1] == "libuv" else asyncio.new_event_loop) as runner:
    runner.run(main())
"""


@pytest.mark.parametrize("loop", ["libuv", "asyncio"])
def test_a_want_of_file_handles_is_said_once(loop: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, loop], capture_output=True, text=True, timeout=60, check=True)
    first, second = done.stderr.splitlines()
    assert first == "now"
    assert second.startswith("out of file handles (this process may have 64): ")
