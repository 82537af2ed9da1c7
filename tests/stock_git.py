"""Stock git for tests: away from the user's own configuration, with the token in the address."""

from __future__ import annotations

import os
import subprocess


class Git:
    """Runs git in folders below `home`, with what `environment` says."""

    def __init__(self, home, **environment):
        self.home = home
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": "dev",
            "GIT_AUTHOR_EMAIL": "dev@example.org",
            "GIT_COMMITTER_NAME": "dev",
            "GIT_COMMITTER_EMAIL": "dev@example.org",
            **environment,
        }

    def run(self, *arguments, cwd=None, stdin=None, **environment):
        return subprocess.run(
            ["git", *map(str, arguments)],
            cwd=cwd or self.home,
            env={**self.environment, **environment},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def __call__(self, *arguments, cwd=None, stdin=None, **environment):
        done = self.run(*arguments, cwd=cwd, stdin=stdin, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, folder, name, content):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        self("add", name, cwd=folder)
        self("commit", "-q", "-m", f"add {name}", cwd=folder)
        return self("rev-parse", "HEAD", cwd=folder)


def authorised(url, token):
    """The address with a token in it."""
    return url.replace("http://", f"http://anyone:{token}@")
