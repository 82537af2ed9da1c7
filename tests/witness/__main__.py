"""`make witness CHECKOUT=path`: huggingface_hub's own tests against the embedded Hub."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from witness import files, report, samples
from witness.run import OUTCOMES, run_file
from witness.staging import staging_hub

_NEEDED = ("testing_constants.py", "conftest.py", "__init__.py")


def main() -> int:
    """Run the files, print the report; 0 if no test failed, 1 otherwise."""
    options = _parser().parse_args()
    checkout = options.checkout.resolve()
    missing = [name for name in _NEEDED if not (checkout / "tests" / name).exists()]
    if missing:
        print(
            f"{checkout}/tests lacks {', '.join(missing)}: give a checkout, not a source distribution", file=sys.stderr
        )
        return 2
    left_out = {name: why for name in files.found(checkout) if (why := files.reason_to_leave_out(name))}
    chosen = [f"test_{name.removeprefix('test_').removesuffix('.py')}.py" for name in options.files]
    run = chosen or [name for name in files.found(checkout) if name not in left_out]
    results = []
    with staging_hub(checkout, xet=not options.no_xet) as hub:
        samples.make(hub, run)
        for file in run:
            start = time.monotonic()
            results.append(run_file(checkout, file, hub, options.pytest, options.limit))
            counts = ", ".join(f"{results[-1].count(o)} {o}" for o in OUTCOMES if results[-1].count(o))
            print(f"{file}: {counts or 'no tests'} ({time.monotonic() - start:.0f} s)", file=sys.stderr, flush=True)
    text = report.as_markdown(results, {} if chosen else left_out)
    print(text, end="")
    if options.markdown:
        options.markdown.write_text(text, encoding="utf-8")
    if options.json:
        options.json.write_text(report.as_json(results, left_out), encoding="utf-8")
    return int(any(result.count("failed") for result in results))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="witness", description=__doc__)
    parser.add_argument("checkout", type=Path, help="a checkout of huggingface_hub, best of the version installed")
    parser.add_argument(
        "files", nargs="*", help="names of test files, such as hf_api; all that concern the Hub if none"
    )
    parser.add_argument("--no-xet", action="store_true", help="upload and download large files by LFS alone")
    parser.add_argument("--json", type=Path, help="also write the report here, with every test")
    parser.add_argument("--markdown", type=Path, help="also write the report here as it is printed")
    parser.add_argument("--limit", type=float, default=900, help="seconds that one file may take (default 900)")
    parser.add_argument("--pytest", action="append", default=[], help="an argument for pytest, such as --pytest=-x")
    return parser


sys.exit(main())
