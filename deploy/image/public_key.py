"""Public keys for ssh, as ssh-keygen writes them, one a line: a check for keys that were pasted wrongly."""

import base64
import binascii
import re

_LINE = re.compile(
    r"(?P<kind>(?:sk-)?(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521))(?:@openssh\.com)?)"
    r" (?P<data>[A-Za-z0-9+/]+={0,3})(?: [^\x00-\x1f]*)?"
)


def is_public_key(line: str) -> bool:
    """Whether a line looks like a complete public key.

    Its data are fields, each after its length (RFC 4253, 6.6); the first is the name of the key's type. A key that was
    cut off in copying, with which no user could log in, has a last field that is too short.
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
