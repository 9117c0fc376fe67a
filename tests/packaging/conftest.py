"""Where the files that are examined lie."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
BINARY = Path(os.environ["COUNTERSIGN_BINARY"])


# What commands need to know; the variables of these tests would be settings to the service.
INHERITED = ("PATH", "HOME", "CARGO_HOME", "CARGO_TARGET_DIR", "RUSTUP_HOME")


def output(*command, **environment):
    """What a command prints that must do its work."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    ran = subprocess.run(command, cwd=ROOT, env={**inherited, **environment}, capture_output=True, text=True)
    assert ran.returncode == 0, ran
    return ran.stdout
