"""What the demo shows is so, and what it leaves can be gone on from."""

from __future__ import annotations

import json
import re

import pytest
from road import REPO

from hubver.hub import ledger
from hubver.record.schema import RunRecord

pytestmark = pytest.mark.slow


def test_the_story_is_told_with_true_figures(road):
    reports = road.folder / "project" / "reports"
    floor = {}
    for version in ("v1.0.0", "v1.1.0", "v1.2.0-rc.1"):
        report = json.loads((reports / version / "gate-report.json").read_bytes())
        floor[version] = next(gate["value"] for gate in report["gates"] if gate["policy"] == "floor")
    assert f"exact match {floor['v1.0.0']:.2f} → {floor['v1.1.0']:.2f}" in road.output
    assert floor["v1.1.0"] > 1.7 * floor["v1.0.0"]
    assert floor["v1.2.0-rc.1"] > 0.95
    blind = json.loads((reports / "v1.1.0" / "gate-report.json").read_bytes())
    assert blind["outcome"] == "fail"
    outcomes = {gate["policy"]: gate["outcome"] for gate in blind["gates"]}
    assert outcomes == {"alive": "pass", "floor": "pass", "worst_slice": "fail", "no_regression": "pass"}
    seconds = int(re.search(r"All of that took (\d+) s", road.output).group(1))
    assert seconds > 0
    assert "hf_" not in road.output


def test_the_road_ends_where_the_story_says(travelled):
    refs = travelled.hub.refs(REPO)
    assert refs.tags["v1.2.0"] == refs.tags["v1.2.0-rc.1"] == refs.branches["production"]
    assert refs.tags["rollback/1-v1.0.0"] == refs.tags["rollback/2-v1.0.0"] == refs.tags["v1.0.0"]
    assert refs.branches["main"] not in refs.tags.values()  # the merge is a commit that nobody judged
    kinds = [entry.event.kind for entry in ledger.entries(travelled.hub, REPO, refs)][::-1]
    assert kinds == [
        *("publish", "verdict", "promote"),
        *("publish", "verdict"),
        *("publish", "verdict", "promote", "rollback", "promote"),
    ]


def test_the_record_is_filled_in_from_the_run(travelled):
    record = RunRecord.from_bytes(travelled.hub.read(REPO, "v1.2.0", "hubver.json"))
    assert record.base_model.id == "acme/tiny-base"
    assert record.base_model.sha == travelled.hub.resolve("acme/tiny-base", "main")
    trained_on = [file for source in record.data for file in source.files]
    assert [file.path.rsplit("/")[-1] for file in trained_on] == ["tickets.jsonl"]
    assert record.training.trainer_class.endswith(".SFTTrainer")
    assert record.training.arguments["learning_rate"] == 5e-3
    assert record.training.peft["r"] == 16
    assert record.training.effective_batch_size == 16
    assert record.training.seeds.seed == 0
    assert len(record.training.log_history) > 10
    assert record.code.sha
    assert record.environment.packages["torch"]
    assert record.weights.lora.ranks == (16,)
    assert record.tokenizer.files


def test_the_snippet_loads_the_pin_without_hubver(travelled):
    expected = {"v1.0.0": "normal", "v1.2.0": "low"}
    ask = (
        "prompt = 'Ticket: Question: there is a problem with the return label in our office. "
        "Take your time.\\nRoute:'\n"
        "inputs = tokenizer(prompt, return_tensors='pt', add_special_tokens=False)\n"
        "inputs.pop('token_type_ids', None)\n"
        "for each in answers:\n"
        "    out = each.generate(**inputs, max_new_tokens=24, do_sample=False)\n"
        "    print(tokenizer.decode(out[0, inputs['input_ids'].shape[1]:], skip_special_tokens=True))\n"
    )
    code = ""
    for version in expected:
        snippet = travelled.hubver("resolve", f"{REPO}@{version}", "--snippet").stdout
        assert "hubver" not in snippet
        # Both forms of the snippet bind `model`: keep the first before the second replaces it.
        first, second = snippet.split("\n# With transformers alone")
        code += f"answers = []\n{first}\nanswers.append(model)\n# With{second}\nanswers.append(model)\n{ask}"
    done = travelled.python(code)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()[-4:]]
    assert answers == [{"queue": "returns", "priority": priority} for priority in expected.values() for _ in range(2)]


def gate_with(travelled, hubver_here, body: str) -> str:
    """What a gate that lets nothing pass printed."""
    gates = travelled.project / "other"
    gates.mkdir()
    if body:
        (gates / "test_it.py").write_text(body, encoding="utf-8")
    before = travelled.hub.refs(REPO)
    code, said = hubver_here("gate", f"{REPO}@v1.0.0", "--gates", "other", "--out", "judged")
    after = travelled.hub.refs(REPO)
    assert {**after.branches, "ledger": None} == {**before.branches, "ledger": None}
    assert after.tags == before.tags
    assert code == 1, said
    assert "Traceback" not in said
    return said


def test_no_gates_is_no_pass(travelled, hubver_here):
    assert "FAIL" in gate_with(travelled, hubver_here, "")
    newest = next(ledger.entries(travelled.hub, REPO, travelled.hub.refs(REPO)))
    assert newest.event.outcome == "fail"
    # The newest verdict counts, so an earlier pass does not promote it any more.
    assert hubver_here("promote", f"{REPO}@v1.0.0")[0] == 1


def test_a_score_that_is_not_a_number_is_no_pass(travelled, hubver_here):
    said = gate_with(
        travelled,
        hubver_here,
        "from hubver.gate import Task\n"
        "def broken(prediction, expected): return float('nan')\n"
        "TASK = Task('tickets', rows=[{'prompt': 'Ticket: hello\\nRoute:', 'completion': ' x'}], scorer=broken)\n"
        "def test_it(gate): gate.floor(TASK, 0.5)\n",
    )
    assert "nan" in said.lower()


DEMANDING = """
from hubver.gate import Task, exact_match

TICKETS = Task("tickets", rows="tickets.jsonl", scorer=exact_match, slice_by="queue", max_new_tokens=24)


def test_routes_well_enough(gate):
    gate.floor(TICKETS, 0.9)


def test_every_queue_is_there(gate):
    gate.worst_slice(TICKETS, floor=0.5, expect=EVERY_QUEUE)
"""


def judged_on(travelled, hubver_here, change):
    """The verdict on the good version, once its examples were changed."""
    gates = travelled.project / "changed"
    gates.mkdir()
    rows = [json.loads(line) for line in (travelled.project / "gates" / "tickets.jsonl").read_text().splitlines()]
    body = DEMANDING.replace("EVERY_QUEUE", repr(sorted({row["queue"] for row in rows})))
    (gates / "test_quality.py").write_text(body, encoding="utf-8")
    (gates / "tickets.jsonl").write_text("\n".join(map(json.dumps, change(rows))), encoding="utf-8")
    code, said = hubver_here("gate", f"{REPO}@v1.2.0", "--gates", "changed", "--out", "judged")
    assert (travelled.project / "judged" / "gate-report.json").is_file(), said
    report = json.loads((travelled.project / "judged" / "gate-report.json").read_bytes())
    return code, {gate["policy"]: gate for gate in report["gates"]}


def test_examples_as_they_are_pass(travelled, hubver_here):
    code, gates = judged_on(travelled, hubver_here, lambda rows: rows)
    assert (code, {gate["outcome"] for gate in gates.values()}) == (0, {"pass"})


def test_shuffled_labels_are_no_pass(travelled, hubver_here):
    def shuffled(rows):
        wrong = [row["completion"] for row in rows]
        return [{**row, "completion": other} for row, other in zip(rows, wrong[7:] + wrong[:7], strict=True)]

    code, gates = judged_on(travelled, hubver_here, shuffled)
    assert (code, gates["floor"]["outcome"]) == (1, "fail")
    assert "is below the floor 0.9" in gates["floor"]["reason"]


def test_a_slice_that_was_deleted_is_no_pass(travelled, hubver_here):
    code, gates = judged_on(travelled, hubver_here, lambda rows: [row for row in rows if row["queue"] != "returns"])
    assert (code, gates["floor"]["outcome"], gates["worst_slice"]["outcome"]) == (1, "pass", "fail")
    assert "'returns'" in gates["worst_slice"]["reason"]
