"""The files that a step of a job writes, read as the runner reads them."""

from __future__ import annotations


def outputs_of(text: str) -> dict[str, str]:
    """An independent reading of `GITHUB_OUTPUT`, after the runner's own: one line at a time."""
    found, lines = {}, text.split("\n")
    while lines:
        line = lines.pop(0)
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if heredoc >= 0 and (equals < 0 or heredoc < equals):
            name, delimiter = line[:heredoc], line[heredoc + 2 :]
            assert name
            assert delimiter
            value = []
            while (part := lines.pop(0)) != delimiter:
                value.append(part)
            found[name] = "\n".join(value)
        else:
            found[line[:equals]] = line[equals + 1 :]
    return found
