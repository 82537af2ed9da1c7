"""What the Hub's client raises, said in hubver's words."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from hubver.errors import (
    AlreadyExists,
    BadInput,
    BadToken,
    HubFailed,
    HubUnreachable,
    HubverError,
    NotFound,
    StaleRef,
)
from hubver.record.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from huggingface_hub.errors import HfHubHTTPError

# Statuses after which the same question may be asked again: nothing was decided.
PASSING_STATUSES = (408, 500, 502, 503, 504)


@contextmanager
def translated(endpoint: str, subject: str) -> Iterator[None]:
    """Run one exchange with the Hub; raise what went wrong as one of hubver's errors.

    Args:
        endpoint: the Hub's address, for the sentence.
        subject: what was asked about, such as `acme/router@v1.0.0`.

    Raises:
        NotFound, BadToken, AlreadyExists, StaleRef, BadInput, HubFailed or HubUnreachable.
    """
    from huggingface_hub import errors

    try:
        yield
    except errors.RevisionNotFoundError as error:
        raise NotFound(
            f"{subject} does not exist on {endpoint}: no such revision.",
            hint="See what there is with: hubver log ORG/NAME",
        ) from error
    except errors.GatedRepoError as error:
        raise BadToken(
            f"{subject} is gated, and this token has not been granted access.",
            hint=f"Ask for access on {endpoint}, then run the command again.",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise NotFound(
            f"{subject} does not exist on {endpoint}, or this token may not see it.",
            hint="Check the name, and the token with: hf auth whoami",
        ) from error
    except errors.RemoteEntryNotFoundError as error:
        raise NotFound(f"{subject} does not exist on {endpoint}: no such file.") from error
    except errors.HfHubHTTPError as error:
        raise _from_status(error, endpoint, subject) from error
    except (errors.HFValidationError, errors.HfUriError) as error:
        raise BadInput(
            f"{subject!r} is not the name of a repository.", expected="ORG/NAME, of letters, digits, '-', '_' and '.'"
        ) from error
    except RuntimeError as error:
        # The client's upload threads wrap what went wrong in one of these.
        if not isinstance(error.__cause__, errors.HTTPError):
            raise
        raise _unreachable(endpoint, error) from error
    # `ConnectionError` is what the client raises offline, and what its Xet library raises for any lost exchange.
    except (errors.HTTPError, errors.LocalEntryNotFoundError, ConnectionError, TimeoutError) as error:
        raise _unreachable(endpoint, error) from error


def _unreachable(endpoint: str, error: BaseException) -> HubUnreachable:
    return HubUnreachable(
        f"{endpoint} did not answer.",
        found=reason(error),
        hint="Check the network and HF_ENDPOINT, then run the same command again: it goes on where it stopped.",
    )


def _from_status(error: HfHubHTTPError, endpoint: str, subject: str) -> HubverError:
    status = error.response.status_code
    # Some proxies show what they were sent, the token included.
    said = redact((error.server_message or error.response.reason_phrase or "no reason given").strip().splitlines()[0])
    if status == 401:
        return BadToken(
            f"{endpoint} does not accept this token.", hint="Set HF_TOKEN to a valid token, or run: hf auth login"
        )
    if status == 403:
        return BadToken(
            f"This token may not do this to {subject}: {said}",
            hint="Use a token with write access to the repository.",
        )
    if status == 409:
        return AlreadyExists(f"{endpoint} refused {subject}: {said}")
    if status == 412:
        return StaleRef(f"{subject} moved while this was under way: {said}")
    if status == 429:
        return HubFailed(
            f"{endpoint} limits the rate of requests: {said}", hint="Wait a minute, then run the same command again."
        )
    if status < 500 and status != 408:
        return BadInput(f"{endpoint} refused {subject}: {said}")
    return HubFailed(
        f"{endpoint} failed on {subject}.",
        found=f"status {status}: {said}",
        hint="Run the same command again: it goes on where it stopped.",
    )


def reason(error: BaseException) -> str:
    """The innermost reason of a lost connection, such as `[Errno 111] Connection refused`."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
