"""Log lines out of both kinds of streams, whatever pieces they come in."""

from __future__ import annotations

from datetime import UTC, datetime

from boatyard.containers.logs import LONGEST_LINE, file_lines, parse_timestamp, stream_lines

STAMP = b"2026-01-02T03:04:05.123456789Z"


def frame(stream: int, payload: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


def test_nanoseconds_and_offsets_become_utc() -> None:
    assert parse_timestamp("2026-01-02T05:04:05.1234567+02:00") == datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)


def test_a_stream_cut_anywhere_gives_the_same_lines() -> None:
    whole = frame(1, STAMP + b" hello\n") + frame(2, STAMP + b" oh\xc3\xa9\n") + frame(1, STAMP + b" no newline")
    expected = [("stdout", "hello"), ("stderr", "ohé"), ("stdout", "no newline")]
    for size in (1, 7, len(whole)):
        chunks = [whole[start : start + size] for start in range(0, len(whole), size)]
        assert [(line.stream, line.text) for line in stream_lines(chunks)] == expected


def test_pieces_of_one_line_are_joined_for_each_stream_apart() -> None:
    records = [
        STAMP + b" stdout P first ",
        STAMP + b" stderr F other",
        STAMP + b" stdout F half",
        b"not a record",
        STAMP + b" stdout P left over",
    ]
    assert [(line.stream, line.text) for line in file_lines(records)] == [
        ("stderr", "other"),
        ("stdout", "first half"),
        ("stdout", "left over"),
    ]


def test_an_endless_line_is_handed_on_in_pieces() -> None:
    piece = b"x" * (LONGEST_LINE // 2)
    lines = list(file_lines([STAMP + b" stdout P " + piece] * 3))
    assert [len(line.text) for line in lines] == [LONGEST_LINE, LONGEST_LINE // 2]
