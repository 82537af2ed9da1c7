from __future__ import annotations

import pytest
from pydantic import SecretStr

from hubver.channel_settings import ChannelSettings
from hubver.errors import BadToken, HubFailed
from hubver.gate.judge import judge
from hubver.gate.verdict import REPORT_JSON, REPORT_MARKDOWN, Verdict
from hubver.gates_folder import gates_digest
from hubver.hub import ledger
from hubver.localhub import Answer
from hubver.release import promote

QUICK = "open(__file__ + '.ran', 'w').close()\ndef test_plain(): pass\n"


@pytest.fixture
def gates(tmp_path):
    folder = tmp_path / "gates"
    folder.mkdir()
    (folder / "test_quality.py").write_text(QUICK)
    return folder


def test_the_ledger_keeps_the_reports_that_lie_in_the_folder(repo, gates, tmp_path):
    repo.version("v1.0.0")
    judgement = judge("acme/router@v1.0.0", gates=gates, out=tmp_path / "out", settings=repo.settings)
    for name in (REPORT_JSON, REPORT_MARKDOWN):
        kept = repo.hub.read(repo.repo_id, judgement.ledger_commit, name)
        assert kept == (tmp_path / "out" / name).read_bytes()


LOUD = """
import os, sys, warnings
import numpy
warnings.warn("from a gate", stacklevel=1)
os.write(2, b"from below Python\\n")
def test_plain(): numpy.float64(1) / 0
"""


def test_what_libraries_and_gates_print_stays_out_of_the_terminal(repo, gates, tmp_path, capfd):
    repo.version("v1.0.0")
    (gates / "test_quality.py").write_text(LOUD)
    lines = []
    judge("acme/router@v1.0.0", gates=gates, out=tmp_path / "out", settings=repo.settings, progress=lines.append)
    assert capfd.readouterr() == ("", "")
    assert lines == []


def test_a_token_that_may_not_write_is_refused_before_anything_is_judged(local_hub, repo, gates, tmp_path):
    repo.version("v1.0.0")
    token = local_hub.add_user("reader", orgs=("acme",), write=False)
    settings = repo.settings.model_copy(update={"token": SecretStr(token)})
    with pytest.raises(BadToken):
        judge("acme/router@v1.0.0", gates=gates, out=tmp_path / "out", settings=settings)
    assert not (gates / "test_quality.py.ran").exists()


def test_a_ledger_that_takes_no_verdict_leaves_the_reports(local_hub, repo, gates, tmp_path):
    repo.version("v1.0.0")
    local_hub.faults.add("POST", "*/git-receive-pack", Answer(503), times=None)
    with pytest.raises(HubFailed) as caught:
        judge("acme/router@v1.0.0", gates=gates, out=tmp_path / "out", settings=repo.settings)
    assert f"The verdict is fail and its reports are in {tmp_path / 'out'}" in caught.value.hint
    assert Verdict.from_bytes((tmp_path / "out" / REPORT_JSON).read_bytes()).outcome == "fail"


def test_a_verdict_for_a_channel_is_by_its_gates_against_what_it_has(repo, tmp_path):
    in_production, in_staging = repo.version("v1.0.0"), repo.version("v1.1.0")
    promote("acme/router@v1.0.0", override="first", settings=repo.settings)
    folder = tmp_path / "quick"
    folder.mkdir()
    (folder / "test_quality.py").write_text(QUICK)
    rules = {"staging": ChannelSettings(gates=folder)}
    settings = repo.settings.model_copy(update={"channels": rules}).on_channel("staging")
    promote("acme/router@v1.1.0", to="staging", override="first", settings=settings)
    repo.version("v1.2.0")
    judgement = judge("acme/router@v1.2.0", out=tmp_path / "out", settings=settings)
    event = next(ledger.entries(repo.hub, repo.repo_id, repo.refs())).event
    assert (event.channel, event.gates_digest) == ("staging", gates_digest(folder))
    assert event.baseline.sha == judgement.baseline.sha == in_staging != in_production
    assert event.title.endswith("(against v1.1.0 in staging)")
