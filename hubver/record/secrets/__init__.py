"""Keep secrets out of everything that is published.

Three nets: shapes that tokens of known services have, wherever they stand; values that stand beside a name that says
they are secret; and, where a process knows them, the values of its own secret environment variables.
"""

from __future__ import annotations

from hubver.record.secrets.known import NONE, Known
from hubver.record.secrets.names import is_secret_name
from hubver.record.secrets.placeholders import REDACTED
from hubver.record.secrets.redaction import redact, redact_argv, redact_value

__all__ = ["NONE", "REDACTED", "Known", "is_secret_name", "redact", "redact_argv", "redact_value"]
