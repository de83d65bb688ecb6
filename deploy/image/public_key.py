"""Public keys for ssh, one on a line as ssh-keygen writes them: told apart from what was pasted wrongly."""

import base64
import binascii
import re

_LINE = re.compile(
    r"(?P<kind>(?:sk-)?(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521))(?:@openssh\.com)?)"
    r" (?P<data>[A-Za-z0-9+/]+={0,3})(?: [^\x00-\x1f]*)?"
)


def is_public_key(line: str) -> bool:
    """Whether a line is a public key, as far as one can tell.

    Its data are fields, each with its length before it (RFC 4253, 6.6), of which the first is the name of its kind. A
    key that lost its end in copying, and would let nobody in, has a last field that is too short.
    """
    found = _LINE.fullmatch(line)
    if found is None:
        return False
    try:
        data = base64.b64decode(found["data"], validate=True)
    except binascii.Error:
        return False
    fields = []
    while data:
        end = 4 + int.from_bytes(data[:4], "big")
        if len(data) < end:
            return False
        fields.append(data[4:end])
        data = data[end:]
    return len(fields) > 1 and fields[0] == found["kind"].encode()
