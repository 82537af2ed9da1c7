"""A Hub on a real port: `LocalHub` for programs and tests, `serve` for the command line."""

from __future__ import annotations

import fcntl
import signal
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hubver.errors import BadInput
from hubver.localhub.accounts.exchange import Exchange, UsedTokens
from hubver.localhub.accounts.id_tokens import IdTokens
from hubver.localhub.accounts.limits import CommitRate, Triggers
from hubver.localhub.accounts.publishers import Trust
from hubver.localhub.accounts.users import Accounts, User
from hubver.localhub.app import create_app, create_cdn
from hubver.localhub.events.delivery import Courier
from hubver.localhub.events.notices import Notices
from hubver.localhub.events.webhooks import Webhooks
from hubver.localhub.faults import Faults
from hubver.localhub.hub import Hub
from hubver.localhub.recovery import recover
from hubver.localhub.store import Store
from hubver.localhub.switches import Switches
from hubver.localhub.web.cdn import Cdn
from hubver.localhub.web.serving import listening, served, url_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from hubver.localhub.accounts.users import Grant, Role

_DEFAULT_USER = "acme"
_PART_SIZE = 64 * 2**20
_PATIENCE_S = 60


class LocalHub:
    """A Hub that runs in this process while the `with` block lasts.

    Args:
        root: folder that holds everything (`store` shows its layout); None for one that goes away with the Hub.
        port: TCP port; 0 takes a free one.
        host: address to listen on; only this machine can reach the default.
        users: users by token, beside those that `root` knows; where nobody may write, `acme` with a fresh token is added.
        lfs_part_size: uploads of more bytes than this arrive in parts.
        faults: what is to go wrong from the start; more can be added to `faults` of the running Hub.
        switches: how to behave where nobody outside knows how the real Hub does.
        xet: take and give large files by Xet; without it, by LFS alone.
        trust: CI jobs that may have a token for an id token of their provider.
        clock: seconds since 1970, by which tokens expire and limits by the hour or the day are counted.
        patience_s: after how many seconds of silence a client that owes bytes, or does not take them, is hung up on.

    Raises:
        BadInput: on entering, if `root` cannot be used or another Hub uses it.
        HubFailed: on entering, if the port cannot be had.
    """

    def __init__(
        self,
        root: Path | str | None = None,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        users: Mapping[str, User] | None = None,
        lfs_part_size: int = _PART_SIZE,
        faults: Faults | None = None,
        switches: Switches | None = None,
        xet: bool = True,
        trust: Trust | None = None,
        clock: Callable[[], float] = time.time,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._chosen_root = Path(root) if root is not None else None
        self._address = (host, port)
        self._users = dict(users or {})
        self._part_size = lfs_part_size
        self.faults = faults or Faults()
        self._switches = switches or Switches()
        self._xet = xet
        self._trust = trust or Trust()
        self._clock = clock
        self._patience_s = patience_s
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            self.root = self._chosen_root or Path(starting.enter_context(TemporaryDirectory(prefix="localhub-")))
            starting.enter_context(_locked(self.root))
            self._accounts = Accounts(self.root / "tokens.json", self._clock)
            self._accounts.put(self._users)
            if self._accounts.writer() is None:
                self._accounts.add(User(_DEFAULT_USER))
            listener = starting.enter_context(listening(*self._address))
            self.url = url_of(listener)
            leads_away = self._switches.large_files == "another_origin"
            beside = starting.enter_context(listening(self._address[0], 0)) if leads_away else None
            store = Store(self.root)
            courier = starting.enter_context(Courier(self._switches.webhook_tries))
            triggers = Triggers(self._switches.webhook_triggers_per_day, self._clock)
            notices = Notices(Webhooks(self.root / "webhooks.json"), self._accounts, courier, triggers, self.url)
            store.listener = notices
            recover(store)
            hub = Hub(
                store=store,
                accounts=self._accounts,
                lfs_part_size=self._part_size,
                xet=self._xet,
                faults=self.faults,
                switches=self._switches,
                commit_rate=CommitRate(self._switches.commits_per_hour, self._clock),
                notices=notices,
                exchange=self._exchange(store),
                cdn=Cdn(beside.getsockname()[1], self._clock) if beside else None,
            )
            if beside:
                starting.enter_context(served(create_cdn(hub), beside, patience_s=self._patience_s))
            starting.enter_context(served(create_app(hub), listener, patience_s=self._patience_s))
            self._running = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    def _exchange(self, store: Store) -> Exchange:
        id_tokens = IdTokens(self._trust.issuers, self.url, self._clock)
        used = UsedTokens(self._clock) if self._switches.id_token_once else None
        return Exchange(self._trust, id_tokens, store, self._accounts, used)

    @property
    def user(self) -> str:
        """Name of the user that `token` belongs to, which is also a namespace for repos."""
        return self._writer()[1].name

    @property
    def token(self) -> str:
        """A token that may write in the namespace `user`; the same each time that `root` is served."""
        return self._writer()[0]

    def _writer(self) -> tuple[str, User]:
        writer = self._accounts.writer()
        if writer is None:
            raise BadInput("No user of this Hub may write", hint="Give LocalHub a user with the role `write`")
        return writer

    def add_user(
        self, name: str, *, write: bool = True, orgs: tuple[str, ...] = (), grants: Mapping[str, Grant] | None = None
    ) -> str:
        """Add a user, or another token for one, and answer the token.

        Args:
            name: the user, and its namespace.
            write: whether the token may write.
            orgs: further namespaces the user belongs to.
            grants: make the token a fine-grained one, for these namespaces and repos alone; see `User`.
        """
        role: Role = "fineGrained" if grants is not None else "write" if write else "read"
        return self._accounts.add(User(name, orgs, role, grants=grants or {}))

    def environment(self) -> dict[str, str]:
        """The environment variables that point a Hugging Face client in another process here.

        A Hub without Xet also says so here, because the client would try it wherever `hf_xet` is installed.
        """
        known = {"HF_ENDPOINT": self.url, "HF_TOKEN": self.token}
        return known if self._xet else {**known, "HF_HUB_DISABLE_XET": "1"}

    def shell_environment(self) -> dict[str, str]:
        """The same for a person's shell, with the token in a file instead of on the screen.

        `HF_TOKEN` is emptied, because it would go before the file.
        """
        file = self.root / "token"
        file.touch(mode=0o600)
        file.write_text(self.token, encoding="utf-8")
        return {**self.environment(), "HF_TOKEN": "", "HF_TOKEN_PATH": str(file.resolve())}


def serve(
    root: Path | str,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    trust: Trust | None = None,
    on_ready: Callable[[dict[str, str]], None],
) -> None:
    """Serve `root` from the main thread until SIGINT or SIGTERM; nothing is printed.

    Args:
        root: folder that holds everything; made if it is not there.
        host: address to listen on.
        port: TCP port; 0 takes a free one.
        trust: as in `LocalHub`.
        on_ready: called once the Hub answers, with what `LocalHub.shell_environment` says.

    Raises:
        BadInput: `root` cannot be used or another Hub uses it.
        HubFailed: the port cannot be had.
    """
    # Waited for, not handled: a handler that sets an event hangs if it runs while the main thread enters its wait.
    ends = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    try:
        with LocalHub(root, host=host, port=port, trust=trust) as hub:
            on_ready(hub.shell_environment())
            signal.sigwait(ends)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Hold the folder for this process: locks on repos are in memory, so two servers would not see each other's."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        file = (root / "lock").open("wb")
    except OSError as error:
        raise BadInput(
            f"The Hub's folder {root} cannot be used: {error.strerror}", hint="Name another --root"
        ) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(
                f"Another Hub is serving {root}", hint="Stop it, or name another --root for this one"
            ) from None
        yield
