"""What the server logs can be read by programs, and holds nobody's texts."""

import json
import logging

from xlnas_jax.serve.front import Noted
from xlnas_jax.serve.log import Log, Told


def test_a_request_is_one_json_object_a_line() -> None:
    lines: list[str] = []
    log = Log(lines.append)
    log.note(Noted("POST", "/predict", 200, 0.25, "topics", 3, ""))
    log.note(Noted("POST", "other", 404, 0.25, "", 0, ""))
    log.note(Noted("POST", "/predict", 500, 0.25, "topics", 3, "KeyError at x.py:1"))
    found = [json.loads(line) for line in lines]
    times = [one.pop("time") for one in found]
    assert all(one.endswith("+00:00") for one in times)
    request = {"event": "request", "method": "POST", "ms": 250.0}
    topics = {"path": "/predict", "model": "topics", "texts": 3}
    assert found == [
        {**request, **topics, "level": "info", "status": 200},
        {**request, "path": "other", "level": "warning", "status": 404},
        {
            **request,
            **topics,
            "level": "error",
            "status": 500,
            "fault": "KeyError at x.py:1",
        },
    ]


def test_what_the_library_says_is_a_line_without_what_an_error_says() -> None:
    lines: list[str] = []
    logger = logging.Logger("of a test")
    logger.addHandler(Told(Log(lines.append)))
    logger.info("started")
    try:
        raise RuntimeError("somebody's text\nin two lines")
    except RuntimeError:
        logger.exception("Exception in the application")
    (line,) = lines
    assert line.count("\n") == 1 and "somebody" not in line
    found = json.loads(line)
    assert (found["level"], found["fault"]) == ("error", "RuntimeError")
