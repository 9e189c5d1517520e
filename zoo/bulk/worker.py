"""A process that makes shards.

It reads what to do from standard input, a line of JSON each, and answers likewise. It ends when its
input ends, or nobody reads its answers: then the process that started it is gone.
"""

import contextlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zoo.bulk.places import open_place
from zoo.bulk.plan import Asked, Plan
from zoo.common import words
from zoo.common.errors import ZooError


@dataclass(frozen=True)
class Job:
    """What each worker is told first.

    **Arguments:**
    - `asked`: what is asked for.
    - `place`: where the data set lies, as an address or an absolute path.
    - `device`: where to compute.
    - `mixed`: whether its environment may differ from the plan's.
    - `in_command`: whether messages are read at the command line.
    """

    asked: Asked
    place: str
    device: str
    mixed: bool
    in_command: bool


def main() -> None:
    """Work until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # what a plugin prints must not come between the answers
    os.dup2(2, 1)

    def answer(**values: Any) -> None:
        answers.write(json.dumps(values) + "\n")
        answers.flush()

    try:
        _work(answer)
    except BrokenPipeError:
        os._exit(1)
    except ZooError as error:
        answer(error=type(error).__name__, message=str(error))
    except Exception as error:
        traceback.print_exc()
        answer(error="", message=f"{type(error).__name__}: {error}")


def _work(answer: Callable[..., None]) -> None:
    first = json.loads(sys.stdin.readline())
    job = Job(**{**first, "asked": Asked.from_dict(first["asked"])})
    with words.of_commands() if job.in_command else contextlib.nullcontext():
        # torch is imported here, when the first line has told that there is work
        from zoo.bulk.work import Maker

        maker = Maker(job.asked, job.device, allow_mixed=job.mixed)
        place = open_place(job.place)
        plan: Plan | None = None
        for line in sys.stdin:
            task = json.loads(line)
            if "plan" in task:
                plan = Plan.from_dict(task["plan"])
            elif "shard" in task and plan is not None:
                shard = plan.shard(task["shard"])
                for done in maker.make(plan, shard, place):
                    if isinstance(done, int):
                        answer(drawn=done)
                    else:
                        answer(record=done.to_dict())
            else:
                answer(plan=maker.survey(place).to_dict())
