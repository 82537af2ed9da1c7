"""Signatures: in the commit and in the ledger, by keys and certificates, checked by hubver and by the stock tool."""

from __future__ import annotations

import base64
import importlib.util
import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest
from outputs import write_adapter
from pydantic import SecretStr

from hubver.errors import BadInput, Refused
from hubver.hub import ledger
from hubver.hub.events import Release, Signed
from hubver.publish import push
from hubver.signing import bundle
from hubver.signing.parties import Certificate, Identity, Key, Keyless, PublicKey, Roots
from hubver.verification import verify
from hubver.verification.countersign import sign

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("model_signing") is None or importlib.util.find_spec("OpenSSL") is None,
    reason="the extra hubver[sign] is not installed",
)
TARGET = "acme/router@v1.0.0"


@pytest.fixture
def signed(repo, output, keys):
    """A run that was pushed with a signature in its commit."""
    private, public = keys("maker")
    push(output, repo.repo_id, settings=repo.settings, signer=Key(private))
    return public


def facts(report) -> list[tuple[str, str]]:
    return [(finding.subject, finding.fact) for finding in report.findings]


def check(repo, trust, **kwargs):
    return verify(TARGET, settings=repo.settings, trust=trust, require_signature=True, **kwargs)


def retag(repo, sha: str) -> None:
    repo.hub.api.delete_tag(repo.repo_id, tag="v1.0.0")
    repo.hub.api.create_tag(repo.repo_id, tag="v1.0.0", revision=sha)


def put(repo, path: str, content: bytes) -> None:
    retag(repo, repo.hub.api.upload_file(path_or_fileobj=content, path_in_repo=path, repo_id=repo.repo_id).oid)


def stock(folder, public) -> subprocess.CompletedProcess:
    """What OpenSSF's own command says of a download."""
    command = ["verify", "key", str(folder), "--signature", str(folder / "model.sig"), "--public_key", str(public)]
    return subprocess.run(
        [sys.executable, "-m", "model_signing", *command], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("how", [{}, {"download": True}], ids=["the Hub's word", "download"])
def test_a_signature_in_the_commit_holds(repo, signed, how):
    report = check(repo, PublicKey(signed), **how)
    assert (report.findings, report.signatures) == ((), 1)
    claim = bundle.read(repo.hub.read(repo.repo_id, "v1.0.0", "model.sig"), source="model.sig")
    there = set(repo.hub.files(repo.repo_id, "v1.0.0")) - {"model.sig", ".gitattributes"}
    assert claim.files.keys() == there


def test_the_stock_tool_says_the_same_of_a_download(repo, signed, tmp_path):
    copy = tmp_path / "copy"
    repo.hub.api.snapshot_download(repo.repo_id, revision="v1.0.0", local_dir=copy)
    done = stock(copy, signed)
    assert done.returncode == 0, done.stderr
    (copy / "more.txt").write_text("more", encoding="utf-8")
    done = stock(copy, signed)
    assert done.returncode != 0
    assert "more.txt" in done.stderr


def test_it_covers_what_other_people_added_and_goes_with_an_unsigned_version(repo, signed, output, keys, tmp_path):
    repo.hub.api.upload_file(path_or_fileobj=b"Apache-2.0", path_in_repo="LICENSE", repo_id=repo.repo_id)
    private, public = keys("second")
    push(write_adapter(tmp_path / "b", seed=1), repo.repo_id, settings=repo.settings, signer=Key(private))
    report = verify("acme/router@v1.1.0", settings=repo.settings, trust=PublicKey(public), require_signature=True)
    assert (report.findings, report.signatures) == ((), 1)
    claim = bundle.read(repo.hub.read(repo.repo_id, "v1.1.0", "model.sig"), source="model.sig")
    assert "LICENSE" in claim.files
    push(write_adapter(tmp_path / "c", seed=2), repo.repo_id, settings=repo.settings)
    assert "model.sig" not in repo.hub.files(repo.repo_id, "main")
    assert verify("acme/router@main", settings=repo.settings).findings == ()


def test_a_signature_by_somebody_else_is_not_trusted(repo, signed, keys):
    _, other = keys("eve")
    (finding,) = check(repo, PublicKey(other)).findings
    assert (finding.subject, finding.fact) == ("signature", "model.sig is not by whom is trusted")
    assert "Key mismatch" in finding.found


def test_without_whom_to_trust_a_signature_is_only_held_against_the_files(repo, signed):
    report = verify(TARGET, settings=repo.settings)
    assert report.findings == ()
    assert any("name whom you trust" in note for note in report.notes)


def test_no_signature_is_a_finding_only_where_one_is_required(repo, output, keys):
    push(output, repo.repo_id, settings=repo.settings)
    _, public = keys("maker")
    assert verify(TARGET, settings=repo.settings, trust=PublicKey(public)).findings == ()
    assert facts(check(repo, PublicKey(public))) == [("signature", "there is none")]


def test_a_file_that_was_changed_is_not_the_one_that_was_signed(repo, signed):
    put(repo, "tokenizer.json", b"{}")
    assert ("tokenizer.json", "it is not the file that model.sig covers") in facts(check(repo, PublicKey(signed)))
    assert ("tokenizer.json", "it is not the file that model.sig covers") in facts(
        verify(TARGET, settings=repo.settings)
    )


def test_a_file_more_and_a_file_less_are_found(repo, signed):
    put(repo, "NOTICE", b"by Eve")
    assert ("NOTICE", "model.sig does not cover it") in facts(check(repo, PublicKey(signed)))
    retag(repo, repo.hub.api.delete_file(path_in_repo="tokenizer.json", repo_id=repo.repo_id).oid)
    assert ("tokenizer.json", "model.sig covers it, and it is missing") in facts(check(repo, PublicKey(signed)))


def test_a_record_that_lists_fewer_files_is_not_the_one_that_was_signed(repo, signed):
    record = json.loads(repo.hub.read(repo.repo_id, "v1.0.0", "hubver.json"))
    record["files"].pop()
    put(repo, "hubver.json", (json.dumps(record, indent=2, sort_keys=True) + "\n").encode())
    assert ("hubver.json", "it is not the file that model.sig covers") in facts(check(repo, PublicKey(signed)))


def test_the_signature_of_another_model_does_not_fit(repo, signed, keys, tmp_path):
    private, public = keys("second")
    push(write_adapter(tmp_path / "b", seed=1), repo.repo_id, settings=repo.settings, signer=Key(private))
    theirs = repo.hub.read(repo.repo_id, "v1.1.0", "model.sig")
    api = repo.hub.api
    api.create_branch(repo.repo_id, branch="again", revision="v1.0.0")
    done = api.upload_file(path_or_fileobj=theirs, path_in_repo="model.sig", repo_id=repo.repo_id, revision="again")
    retag(repo, done.oid)
    found = facts(check(repo, PublicKey(public)))
    assert ("adapter_model.safetensors", "it is not the file that model.sig covers") in found
    assert check(repo, PublicKey(public)).signatures == 0


def test_a_manifest_that_was_edited_does_not_hold(repo, signed):
    raw = json.loads(repo.hub.read(repo.repo_id, "v1.0.0", "model.sig"))
    statement = json.loads(base64.b64decode(raw["dsseEnvelope"]["payload"]))
    statement["predicate"]["resources"][0]["digest"] = "0" * 64
    raw["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    put(repo, "model.sig", json.dumps(raw).encode())
    assert ("signature", "model.sig is not by whom is trusted") in facts(check(repo, PublicKey(signed)))


def test_a_signature_in_the_ledger_without_its_file_is_a_finding(repo, output, keys):
    done = push(output, repo.repo_id, settings=repo.settings)
    ledger.append(
        repo.hub,
        repo.repo_id,
        lambda _refs, state: Signed(
            at=datetime.now(timezone.utc), actor="eve", state=state, release=Release(sha=done.sha), means="key"
        ),
    )
    ((subject, fact),) = facts(verify(TARGET, settings=repo.settings))
    assert (subject, fact.endswith("cannot be read")) == ("signature", True)


def test_a_broken_signature_in_the_commit_is_a_finding(repo, signed):
    put(repo, "model.sig", b"{}")
    assert ("signature", "model.sig cannot be read") in facts(check(repo, PublicKey(signed)))


def test_a_certificate_that_leads_to_a_trusted_root(repo, output, certificates):
    key, certificate, root = certificates("acme")
    *_, other = certificates("eve")
    push(output, repo.repo_id, settings=repo.settings, signer=Certificate(key, certificate, (root,)))
    assert check(repo, Roots((root,))).signatures == 1
    (finding,) = check(repo, Roots((other,))).findings
    assert finding.fact == "model.sig is not by whom is trusted"
    (finding,) = check(repo, PublicKey(root.with_name("none.pub"))).findings
    assert "by other means" in finding.found


def test_a_certificate_that_has_expired_is_not_trusted(repo, output, certificates):
    key, certificate, root = certificates("acme", days=30)
    push(output, repo.repo_id, settings=repo.settings, signer=Certificate(key, certificate, (root,)))
    later = datetime.now(timezone.utc) + timedelta(days=31)
    (finding,) = check(repo, Roots((root,)), now=later).findings
    assert "not valid now" in finding.found


def test_a_later_signature_is_in_the_ledger(repo, output, keys):
    done = push(output, repo.repo_id, settings=repo.settings)
    private, public = keys("auditor")
    signed = sign(TARGET, Key(private), settings=repo.settings)
    assert (signed.sha, signed.version, signed.means) == (done.sha, "v1.0.0", "key")
    assert repo.titles() == ["sign v1.0.0 (key)", "publish v1.0.0"]
    assert repo.refs().tags == {"v1.0.0": done.sha}
    assert check(repo, PublicKey(public)).signatures == 1


def test_one_trusted_signature_of_several_is_enough(repo, signed, keys):
    private, public = keys("auditor")
    sign(TARGET, Key(private), settings=repo.settings)
    for trusted in (signed, public):
        report = check(repo, PublicKey(trusted))
        assert (report.findings, report.signatures) == ((), 1)
        assert any("is not by whom is trusted" in note for note in report.notes)


def test_what_is_not_as_it_should_be_is_not_signed(repo, output, keys):
    push(output, repo.repo_id, settings=repo.settings)
    put(repo, "tokenizer.json", b"{}")
    private, _ = keys("auditor")
    with pytest.raises(Refused, match=r"so it is not signed: tokenizer\.json"):
        sign(TARGET, Key(private), settings=repo.settings)
    assert repo.titles() == ["publish v1.0.0"]


def test_a_signed_push_of_a_run_that_is_there_unsigned_says_so(repo, output, keys):
    push(output, repo.repo_id, settings=repo.settings)
    private, _ = keys("maker")
    again = push(output, repo.repo_id, settings=repo.settings, signer=Key(private))
    assert again.already
    assert any("hubver sign acme/router@v1.0.0" in hint for hint in again.hints)


def test_an_encrypted_key_and_its_password(repo, output, keys):
    private, public = keys("maker", password=b"open sesame")
    for wrong in (None, SecretStr("wrong-password")):
        with pytest.raises(BadInput, match="cannot be signed with") as caught:
            push(output, repo.repo_id, settings=repo.settings, signer=Key(private, wrong))
        assert "wrong-password" not in f"{caught.value}{caught.value.hint}"
    assert repo.refs().tags == {}
    push(output, repo.repo_id, settings=repo.settings, signer=Key(private, SecretStr("open sesame")))
    assert check(repo, PublicKey(public)).signatures == 1


def test_what_is_no_key_is_said(repo, output, tmp_path, keys):
    (tmp_path / "no.pem").write_text("no key", encoding="utf-8")
    with pytest.raises(BadInput, match="cannot be signed with"):
        push(output, repo.repo_id, settings=repo.settings, signer=Key(tmp_path / "no.pem"))
    private, _ = keys("maker")
    push(output, repo.repo_id, settings=repo.settings, signer=Key(private))
    with pytest.raises(BadInput, match="cannot be read"):
        check(repo, PublicKey(tmp_path / "no.pem"))


def test_a_sigstore_of_ones_own_that_is_none_is_said(repo, output, tmp_path):
    config = tmp_path / "trust.json"
    config.write_text("{}", encoding="utf-8")
    with pytest.raises(BadInput, match="cannot be signed with"):
        push(output, repo.repo_id, settings=repo.settings, signer=Keyless(SecretStr("a.b.c"), config))
    assert repo.refs().tags == {}


def test_a_key_is_no_identity(repo, signed):
    (finding,) = check(repo, Identity("dev@acme.example", "https://issuer.example")).findings
    assert finding.expected == "dev@acme.example, by https://issuer.example"
    assert "by other means" in finding.found
