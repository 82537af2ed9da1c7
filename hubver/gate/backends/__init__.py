"""Tasks of evaluation harnesses, as examples that our engine answers: they are asked like any other task.

``lm_eval``  tasks of lm-evaluation-harness
"""

from __future__ import annotations

from hubver.gate.backends.lm_eval import LmEvalTask, lm_eval_task

__all__ = ["LmEvalTask", "lm_eval_task"]
