"""The process of the local AWS: MiniStack with the patches of this package, served on the loopback interface."""

import asyncio
import os
import shutil
import signal
from pathlib import Path

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app as emulator

from local import kept
from local.emulator import lifetime, patches


def configuration() -> Config:
    config = Config()
    config.bind = [f"{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.loglevel = os.environ["LOG_LEVEL"]
    return config


async def run() -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, ended.set)
    watch = lifetime.Watch(ended)
    await serve(watch.around(emulator.app), configuration(), shutdown_trigger=ended.wait)


def main() -> None:
    patches.apply()
    try:
        asyncio.run(run())
        if "SLUICE_KEEP" in os.environ:
            kept.saved(Path(os.environ["SLUICE_KEEP"]), port=int(os.environ["GATEWAY_PORT"]))
    finally:
        shutil.rmtree(os.environ["SLUICE_STATE"], ignore_errors=True)
        # The workers of the functions and jobs share this process's group, and must not outlive it.
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
