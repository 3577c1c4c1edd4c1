"""The arithmetic of the endpoint's figures."""

from __future__ import annotations

import os

from bench import endpoint
from bench.loads import Load


def test_what_is_added_is_told_run_by_run() -> None:
    through = [Load(1, 1.0, 1, p50=3.0, p99=9.0), Load(1, 1.0, 1, p50=2.5, p99=9.0)]
    direct = [Load(1, 1.0, 1, p50=2.0, p99=9.0), Load(1, 1.0, 1, p50=2.0, p99=9.0)]
    assert endpoint.added(through, direct) == [1.0, 0.5]


def test_the_share_of_the_processors_that_is_left() -> None:
    assert endpoint.share([0.9, 0.9, 5.0], [0.1, 0.1, 0.1]) == 0.9


def test_processor_time_of_this_process_goes_on() -> None:
    before = endpoint.processor_seconds([os.getpid()])
    while os.times().user + os.times().system < before + 0.1:
        pass
    assert endpoint.processor_seconds([os.getpid()]) > before
