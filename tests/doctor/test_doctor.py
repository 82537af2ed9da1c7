"""Who may do what, what is asked for, and what is said of it."""

from __future__ import annotations

import json
import threading
import time

import pytest
from pydantic import SecretStr

from hubver.channel_settings import ChannelSettings
from hubver.cli.main import run
from hubver.errors import BadInput, BadToken, HubUnreachable, NotFound, NotGated
from hubver.hub.transport.moves import LEDGER, Move
from hubver.hub.transport.way import move
from hubver.release import promote, quarantine, rollback

PRODUCTION = "refs/heads/production"


def as_user(patient, token: str | None):
    secret = None if token is None else SecretStr(token)
    patient.settings = patient.settings.model_copy(update={"token": secret})
    return patient


def test_a_token_that_may_only_read_learns_what_it_can(patient, intruder, local_hub):
    one, _two = patient.released
    intruder.move(PRODUCTION, one)
    reader = as_user(patient, local_hub.add_user("reader", write=False))
    report = reader.doctor()
    access = report.access
    assert (access.account, access.token, access.way, access.meaning) == ("reader", "read only", None, None)
    assert access.because == "reader's token (role read) may not write to acme/router, and only one that may is told"
    assert [found.name for found in report.problems] == ["channel-moved"]
    with pytest.raises(BadToken):
        reader.doctor(restore=["production"])
    assert patient.repo.refs().branches["production"] == one


def test_nobody_in_particular_learns_what_it_can(patient):
    report = as_user(patient, None).doctor()
    assert (report.access.account, report.access.token, report.access.way) == (None, "none", None)
    assert "HF_TOKEN" in report.access.because
    assert report.findings == ()


def test_a_wrong_token_is_said_to_be_wrong(patient):
    with pytest.raises(BadToken, match="does not accept this token"):
        as_user(patient, "hf_wrong").doctor()


def test_no_network(patient):
    patient.settings = patient.settings.model_copy(update={"endpoint": "http://127.0.0.1:9"})
    with pytest.raises(HubUnreachable, match="did not answer"):
        patient.doctor()


def test_a_repository_that_is_not_there(patient):
    patient.repo.repo_id = "acme/missing"
    with pytest.raises(NotFound):
        patient.doctor()


def test_a_repository_in_which_nothing_has_happened(patient):
    patient.repo.hub.create_repo("acme/empty")
    patient.repo.repo_id = "acme/empty"
    report = patient.doctor(repair=True)
    assert (report.findings, report.events, report.access.token) == ((), 0, "write")


@pytest.mark.parametrize(("ahead", "words"), [(0, None), (3600, "3600 s ahead of"), (-3600, "3600 s behind")])
def test_a_clock_that_is_wrong(patient, ahead, words):
    report = patient.doctor(clock=lambda: time.time() + ahead)
    found = [(one.name, one.problem) for one in report.findings]
    assert found == ([] if words is None else [("clock", False)])
    if words:
        assert words.partition(" s ")[2] in report.findings[0].fact
        assert abs(report.access.clock_ahead_s - ahead) < 60


def test_a_branch_that_was_made_by_hand_is_adopted(patient, intruder):
    one, _two = patient.released
    intruder.move("refs/heads/staging", one)
    (found,) = patient.doctor().problems
    assert (found.name, found.subject) == ("channel-unknown", "staging")
    with pytest.raises(BadInput, match="never put anything into staging"):
        patient.doctor(restore=["staging"])
    assert patient.problems(adopt="staging", reason="it was there first") == []
    assert patient.repo.titles()[0] == "adopt v1.0.0 in staging (the ledger said nothing)"


def test_a_quarantined_revision_in_a_channel(patient, intruder):
    one, _two = patient.released
    quarantine("acme/router@v1.0.0", settings=patient.settings)
    intruder.move(PRODUCTION, one)
    found = patient.doctor().problems
    assert [each.name for each in found] == ["channel-moved", "channel-quarantined"]
    assert "hubver rollback acme/router;" in found[1].advice
    with pytest.raises(NotGated, match=r"v1\.0\.0 is quarantined"):
        patient.doctor(adopt="production", reason="x")
    assert patient.problems(restore=["production"]) == []


def test_a_channel_is_not_restored_to_what_is_quarantined(patient, intruder):
    one, _two = patient.released
    quarantine("acme/router@v1.1.0", settings=patient.settings)
    intruder.move(PRODUCTION, one)
    with pytest.raises(NotGated, match=r"v1\.1\.0 is quarantined, so production does not go to it"):
        patient.doctor(restore=["production"])
    assert patient.problems(adopt="production", reason="it leaks") == []


def test_a_channel_that_takes_no_overrides_adopts_nothing(patient, intruder):
    intruder.move(PRODUCTION, patient.released[0])
    channels = {"production": ChannelSettings(overrides=False)}
    patient.settings = patient.settings.model_copy(update={"channels": channels})
    with pytest.raises(NotGated, match="takes nothing without a verdict"):
        patient.doctor(adopt="production", reason="x")


def test_a_channel_that_takes_only_what_was_staged_adopts_nothing_else(patient, intruder):
    intruder.move(PRODUCTION, patient.repo.version("v1.2.0"))
    channels = {"staging": ChannelSettings(), "production": ChannelSettings(after="staging")}
    patient.settings = patient.settings.model_copy(update={"channels": channels})
    with pytest.raises(NotGated, match=r"v1\.2\.0 has never been in staging"):
        patient.doctor(adopt="production", reason="x")


def test_what_lies_ahead_of_an_adopted_release_is_no_way_back(patient, intruder):
    one, two = patient.released
    patient.release("v1.2.0")
    intruder.move(PRODUCTION, two)
    assert patient.doctor(adopt="production", reason="v1.2.0 is slow").findings == ()
    assert rollback(patient.repo.repo_id, settings=patient.settings).release.sha == one


def test_a_publication_that_was_cut_before_its_tag_is_finished(patient):
    sha = patient.repo.commit("a run")
    patient.tell("v1.2.0", sha)
    assert patient.problems() == [("tag-missing", "v1.2.0")]
    assert patient.problems(repair=True) == []
    assert patient.repo.refs().tags["v1.2.0"] == sha


def test_a_promotion_goes_on_from_where_others_moved_a_channel_and_says_so(patient, intruder):
    one, _two = patient.released
    three = patient.publish("v1.2.0")
    patient.repo.judge(three, baseline=one)
    intruder.move(PRODUCTION, one)
    said: list[str] = []
    done = promote(f"{patient.repo.repo_id}@v1.2.0", settings=patient.settings, progress=said.append)
    assert said[0] == (
        "production was moved by other means than hubver, from v1.1.0 to v1.0.0; going on from there "
        "(see: hubver doctor acme/router)"
    )
    assert (done.previous.sha, done.release.sha) == (one, three)
    (note,) = patient.doctor().findings
    assert (note.name, note.problem) == ("ledger-moved-before", False)


ASKED = {
    "no reason": ({"adopt": "production"}, "needs a reason"),
    "an empty reason": ({"adopt": "production", "reason": " "}, "needs a reason"),
    "a reason for nothing": ({"reason": "x"}, "A reason is for what is accepted"),
    "no such name": ({"restore": ["v9.9.9"]}, "no channel and no tag 'v9.9.9'"),
    "no channel": ({"adopt": "main", "reason": "x"}, "main is no channel"),
    "no such branch": ({"adopt": "canary", "reason": "x"}, "nothing to accept"),
}


@pytest.mark.parametrize(("asked", "words"), ASKED.values(), ids=ASKED.keys())
def test_what_cannot_be_asked_for(patient, asked, words):
    before = patient.repo.refs()
    with pytest.raises(BadInput, match=words):
        patient.doctor(**asked)
    assert patient.repo.refs() == before


def test_a_tag_whose_commit_is_lost(patient):
    patient.tell("v2.0.0", "1" * 40)
    (found,) = patient.doctor(repair=True).problems
    assert (found.name, found.subject, found.repair) == ("tag-lost", "v2.0.0", None)
    assert f"{'1' * 40}:refs/tags/v2.0.0" in found.advice
    with pytest.raises(NotFound, match="no longer on the Hub"):
        patient.doctor(restore=["v2.0.0"])


def test_a_tag_with_a_message_is_where_its_commit_is(patient, intruder):
    one, two = patient.released
    intruder.fetch()
    intruder.git("tag", "-f", "-a", "-m", "signed off", "v1.0.0", one)
    intruder.git("push", "-q", "--force", intruder.remote, "refs/tags/v1.0.0")
    assert patient.doctor().findings == ()
    intruder.git("tag", "-f", "-a", "-m", "signed off", "v1.0.0", two)
    intruder.git("push", "-q", "--force", intruder.remote, "refs/tags/v1.0.0")
    assert patient.problems() == [("tag-moved", "v1.0.0")]
    assert patient.problems(restore=["v1.0.0"]) == []


def test_many_findings_of_a_kind_are_counted(patient):
    one, _two = patient.released
    tags = [f"rollback/{number}-v0.0.1" for number in range(10, 25)]
    tag_all(patient, tags, one)
    problems = patient.doctor().problems
    assert [found.name for found in problems] == ["tag-unexplained"] * 10 + ["more"]
    assert problems[-1].fact.startswith("5 more of the kind tag-unexplained: rollback/20-v0.0.1, ")


@pytest.fixture
def many(patient) -> list[str]:
    """Versions that the ledger knows on the second release, and that are not there."""
    tags = [f"v0.{number}.0" for number in range(10, 25)]
    for tag in tags:
        patient.tell(tag, patient.released[1])
    return tags


def tag_all(patient, tags, sha):
    move(patient.repo.hub, patient.repo.repo_id, [Move(f"refs/tags/{tag}", None, sha) for tag in tags])


def unseen(report):
    return [found.fact for found in report.findings if found.name == "tag-unseen"]


LAST = "v0.20.0, v0.21.0, v0.22.0, v0.23.0, v0.24.0"


def test_of_many_moved_tags_any_is_put_back_by_its_name(patient, many):
    one, two = patient.released
    tag_all(patient, many, one)
    report = patient.doctor()
    assert [(found.name, found.subject) for found in report.problems] == [
        *(("tag-moved", tag) for tag in many[:10]),
        ("tag-unseen", "tags"),
    ]
    told = "Tags that are not where the ledger says, and that were not looked at: "
    assert unseen(report) == [f"{told}5 ({LAST})."]
    after = patient.doctor(restore=["v0.23.0"])
    at = patient.repo.refs().tags
    assert [tag for tag in many if at[tag] == two] == ["v0.23.0"]
    assert after.repaired == (f"putting v0.23.0 back on {two[:8]}",)
    assert unseen(after) == [f"{told}4 ({LAST.replace(' v0.23.0,', '')})."]
    assert patient.problems(restore=many) == []


def test_of_many_deleted_tags_any_is_put_back_by_its_name(patient, many):
    report = patient.doctor()
    assert [(found.name, found.subject) for found in report.problems] == [
        *(("tag-missing", tag) for tag in many[:10]),
        ("tag-unseen", "tags"),
    ]
    assert len(patient.problems(restore=["v0.23.0"])) == 11
    there = patient.repo.refs().tags
    assert {tag: there[tag] for tag in many if tag in there} == {"v0.23.0": patient.released[1]}
    assert patient.problems(repair=True) == []
    assert set(many) <= patient.repo.refs().tags.keys()


def test_a_lost_commit_among_many_is_said_by_the_name_of_its_tag(patient):
    for number in range(10, 25):
        patient.tell(f"v0.{number}.0", f"{number}" * 20)
    with pytest.raises(NotFound, match=r"v0\.23\.0 cannot be put back: its commit is no longer on the Hub"):
        patient.doctor(restore=["v0.23.0"])


def test_many_versions_that_people_tagged_are_a_note(patient):
    tag_all(patient, [f"v0.{number}.0" for number in range(10, 25)], patient.released[0])
    report = patient.doctor()
    assert report.healthy
    assert [found.name for found in report.findings] == ["tag-unexplained"] * 10 + ["tag-unseen"]
    assert unseen(report) == [f"Versions that no event names, and that were not looked at: 5 ({LAST})."]


def test_several_things_at_once(patient, intruder):
    one, two = patient.released
    intruder.move(PRODUCTION, one)
    intruder.move("refs/tags/v1.0.0", two)
    intruder.move("refs/tags/rollback/1-v1.0.0", None)
    found = [("channel-moved", "production"), ("tag-missing", "rollback/1-v1.0.0"), ("tag-moved", "v1.0.0")]
    assert sorted(patient.problems()) == found
    assert patient.problems(repair=True, restore=["production", "v1.0.0"]) == []


def test_two_doctors_at_once(patient, intruder):
    one, two = patient.released
    intruder.move(PRODUCTION, one)
    intruder.move("refs/tags/rollback/1-v1.0.0", None)
    start, reports = threading.Barrier(2), []

    def repair() -> None:
        start.wait()
        reports.append(patient.doctor(repair=True, restore=["production"]))

    threads = [threading.Thread(target=repair) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [report.healthy for report in reports] == [True, True]
    refs = patient.repo.refs()
    assert (refs.branches["production"], refs.tags["rollback/1-v1.0.0"]) == (two, one)
    assert sum(title.startswith("rollback") for title in patient.repo.titles()) == 1


def test_requests_are_bounded(patient, monkeypatch):
    from huggingface_hub.utils import get_session

    asked = []
    client = get_session()
    client.event_hooks["request"].append(lambda request: asked.append(request.url.path))
    try:
        patient.doctor()
    finally:
        client.event_hooks["request"].pop()
    assert len(asked) <= 8, asked


@pytest.fixture
def shell(patient, local_hub, tmp_path, monkeypatch, capsys):
    """Types a command; answers its exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUBVER_CACHE", str(tmp_path / "cache"))
    for name, value in local_hub.environment().items():
        monkeypatch.setenv(name, value)

    def typed(*arguments: str):
        code = run(["doctor", *arguments])
        return code, *capsys.readouterr()

    return typed


def test_the_command_says_all_of_it(shell, patient, intruder):
    one, two = patient.released
    code, out, _ = shell("acme/router")
    assert code == 0
    assert "acme/router is as its ledger says" in out
    assert "atomic git push: the Hub offers `atomic`" in out
    assert "as acme; token: write" in out
    intruder.move(PRODUCTION, one)
    intruder.move("refs/tags/rollback/1-v1.0.0", None)
    code, out, _ = shell("acme/router")
    assert code == 1
    assert "has 2 problems" in out
    assert f"✗ production was moved by other means than hubver. (expected v1.1.0 ({two[:8]}), found v1.0.0" in out
    assert f"--repair would: tag {one[:8]} as rollback/1-v1.0.0 again" in out
    code, out, err = shell("acme/router", "--repair", "--restore", "production")
    assert (code, "✓ moving production back to v1.1.0" in out) == (0, True)
    assert f"tag {one[:8]} as rollback/1-v1.0.0 again" in err
    code, out, _ = shell("acme/router", "--json")
    answer = json.loads(out)
    assert (code, answer["healthy"], answer["findings"]) == (0, True, [])
    assert answer["access"]["way"] == "atomic git push"


def test_the_command_s_exit_codes(shell, patient, monkeypatch):
    assert shell("acme/router", "--adopt", "production")[0] == 2
    assert shell("acme/missing")[0] == 2
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    code, _, err = shell("acme/router")
    assert (code, "hf_wrong" in err) == (2, False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert shell("acme/router")[0] == 3


def test_a_name_that_moves_the_cursor_is_shown_harmless(shell, patient):
    sha = patient.repo.refs().main
    api = patient.repo.hub.api
    api.upload_file(
        path_or_fileobj=b"x",
        path_in_repo="x",
        repo_id="acme/router",
        revision=LEDGER,
        commit_message="\x1b[2Jgone",
    )
    _, out, _ = shell("acme/router")
    assert "\x1b" not in out
    assert patient.repo.refs().main == sha
