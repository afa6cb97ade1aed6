"""Cuts what a server sent into protocol frames and removes what may differ between two servers.

Volatile INFO values become `<any>` (the presence and the order of the keys still count), and copies
of one message for several subscriptions of one connection are put in order of their sid: servers
deliver those in any order. The reference repeats `Invalid Publish Subject` when the payload comes
in several reads; as that is a matter of timing, repetitions count once. A 503 goes to any one of
the subscriptions that match the reply, so its sid is masked.
"""

import json
import re

VOLATILE_INFO = {"server_id", "server_name", "version", "git_commit", "go", "port", "client_id",
                 "nonce", "xkey"}
# Left out altogether: builds of the same server differ in having it.
OPTIONAL_INFO = {"git_commit"}
NO_RESPONDERS = re.compile(rb"HMSG (\S+) \S+ (\d+ \d+\r\nNATS/1\.0 503\r\n)")
INVALID_PUBLISH = b"-ERR 'Invalid Publish Subject'\r\n"


def complete_frames(data):
    """Splits bytes into complete frames; returns (frames, bytes of the incomplete rest)."""
    frames = []
    at = 0
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            return frames, data[at:]
        stop = end + 2
        words = data[at:end].split()
        if words and words[0] in (b"MSG", b"HMSG") and words[-1].isdigit():
            stop += int(words[-1]) + 2
            if stop > len(data):
                return frames, data[at:]
        frames.append(data[at:stop])
        at = stop


def normalised_info(frame):
    try:
        fields = json.loads(frame[5:], object_pairs_hook=list)
    except ValueError:
        return frame
    kept = []
    for key, value in fields:
        if key in OPTIONAL_INFO:
            continue
        kept.append(key + "=" + ("<any>" if key in VOLATILE_INFO else json.dumps(value)))
    tail = frame[frame.rfind(b"}") + 1:]
    return b"INFO " + ", ".join(kept).encode() + tail


def message_key(frame):
    """What copies of one message share, and the sid that tells them apart; None if no message."""
    if not frame.startswith((b"MSG ", b"HMSG ")):
        return None
    head, _, body = frame.partition(b"\r\n")
    words = head.split(b" ")
    return (words[0], words[1], tuple(words[3:]), body), words[2]


def normalised(data):
    """The list of frames to compare; an incomplete last frame is kept as it is."""
    frames, rest = complete_frames(data)
    result = []
    copies = []
    copies_key = None

    def flush_copies():
        result.extend(frame for _, frame in sorted(copies))
        copies.clear()

    for frame in frames:
        frame = NO_RESPONDERS.sub(rb"HMSG \1 <any> \2", frame)
        if frame == b"PING\r\n":
            continue  # The server's own timer.
        if frame == INVALID_PUBLISH and result[-1:] == [frame] and not copies:
            continue
        keyed = message_key(frame)
        if keyed is None or keyed[0] != copies_key:
            flush_copies()
            copies_key = None
        if keyed is not None:
            copies_key = keyed[0]
            copies.append((keyed[1], frame))
        else:
            result.append(normalised_info(frame) if frame.startswith(b"INFO ") else frame)
    flush_copies()
    if rest:
        result.append(rest)
    return result
