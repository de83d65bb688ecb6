"""The rules of who may do what: passwords, tokens, sessions, links, and the pauses for those who guess."""

import os
import stat
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_stream.auth import store
from pi_stream.auth.credentials import MAX_LINK_S, MAX_TOKENS, SESSION_S, Credentials
from pi_stream.auth.passwords import hash_password, matches
from pi_stream.auth.rights import Grant, Right
from pi_stream.auth.throttle import FREE_TRIES, MAX_PAUSE_S, Throttle
from pi_stream.errors import SettingError

NOW = 1_750_000_000.0
BOTH = (
    Credentials()
    .with_password("control", hash_password("change me", n=2))
    .with_password("view", hash_password("look at me", n=2))
)


def _granted(keys: Credentials, password: str) -> Grant:
    grant = keys.by_password(password)
    assert grant is not None
    return grant


# --- passwords


def test_a_password_is_known_again_and_no_other_is() -> None:
    """Its hash is salted: the same password is never kept as the same bytes."""
    known = hash_password("correct horse", n=2)
    assert matches("correct horse", known)
    assert not any(matches(other, known) for other in ("Correct horse", "correct horse ", "", "x" * 100_000))
    assert known.hash != hash_password("correct horse", n=2).hash


def test_an_accent_is_the_same_from_every_keyboard() -> None:
    """One types é, another e and an accent."""
    assert matches("cafe\u0301 au lait", hash_password("caf\u00e9 au lait", n=2))


def test_trying_one_takes_a_while() -> None:
    """As dear as scrypt's parameters say, in truth: this is what makes guessing slow."""
    known = hash_password("correct horse")
    begin = perf_counter()
    assert matches("correct horse", known)
    assert perf_counter() - begin > 0.02
    assert (known.n, known.r, known.p) == (2**14, 8, 5)


def test_each_password_gives_its_right() -> None:
    """Two, of which one only looks."""
    assert _granted(BOTH, "change me").right is Right.CONTROL
    assert _granted(BOTH, "look at me").right is Right.VIEW
    assert BOTH.by_password("neither") is None
    assert Credentials().by_password("") is None


# --- tokens


def test_a_token_is_kept_hashed_and_ends_when_it_is_removed() -> None:
    """What is shown once cannot be read anywhere."""
    keys, text = Credentials().with_token("doorbell", "view", "2026-01-31")
    assert len(text) > 40
    grant = keys.by_token(text)
    assert grant is not None
    assert grant.right is Right.VIEW
    assert grant.by in keys.valid
    assert text not in repr(keys)
    gone = keys.without_token("doorbell")
    assert gone.by_token(text) is None
    assert grant.by not in gone.valid
    renewed, other = keys.with_token("doorbell", "view", "2026-02-01")
    assert other != text
    assert renewed.by_token(text) is None
    assert grant.by not in renewed.valid


# --- sessions and links


def test_a_session_is_what_its_password_allowed_until_it_ends() -> None:
    """It holds for thirty days, and over a restart, since nothing but the file is needed to know it."""
    for password, right in (("change me", Right.CONTROL), ("look at me", Right.VIEW)):
        cookie = BOTH.session(_granted(BOTH, password), NOW)
        found = BOTH.by_session(cookie, NOW + SESSION_S - 1)
        assert found is not None
        assert found.right is right
        assert found.by == _granted(BOTH, password).by
        assert BOTH.by_session(cookie, NOW + SESSION_S) is None


def test_a_clock_that_was_set_back_far_makes_nothing_last_longer() -> None:
    """A session, or a link, from what is now the far future proves nothing, until the clock is right again."""
    keys = Credentials().with_password("control", hash_password("correct horse", n=2))
    grant, now, year = keys.by_password("correct horse"), 1e9, 365 * 86_400
    assert grant is not None
    session, link = keys.session(grant, now), keys.link("/snapshot.jpg", 60, now)
    for then, right in ((now - year, False), (now - 3600, True), (now, True), (now + year, False)):
        assert (keys.by_session(session, then) is not None) is right
        assert (keys.by_link("/snapshot.jpg", link, then) is not None) is (right and then <= now)  # it lasts a minute


def test_a_new_password_ends_the_sessions_of_the_old_one_alone() -> None:
    """Even if it is the same again."""
    control, view = (BOTH.session(_granted(BOTH, each), NOW) for each in ("change me", "look at me"))
    changed = BOTH.with_password("control", hash_password("change me", n=2))
    assert changed.by_session(control, NOW) is None
    assert changed.by_session(view, NOW) is not None
    removed = BOTH.with_password("view", None)
    assert removed.by_session(view, NOW) is None
    assert removed.by_session(control, NOW) is not None


@given(st.text(max_size=80))
def test_nobody_makes_up_a_session_or_a_link(text: str) -> None:
    """Whatever is tried."""
    assert BOTH.by_session(text, NOW) is None
    assert BOTH.by_link("/stream.mjpg", text, NOW) is None
    assert BOTH.by_token(text) is None


@given(st.data())
def test_no_character_of_a_session_can_be_another(data: st.DataObject) -> None:
    """Its right and its end are signed."""
    cookie = BOTH.session(_granted(BOTH, "look at me"), NOW)
    at = data.draw(st.integers(0, len(cookie) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda character: character != cookie[at]))
    assert BOTH.by_session(cookie[:at] + other + cookie[at + 1 :], NOW) is None


def test_a_session_is_no_link_and_a_link_is_for_one_path() -> None:
    """What was signed for one thing proves nothing else."""
    link = BOTH.link("/stream.mjpg", 60, NOW)
    found = BOTH.by_link("/stream.mjpg", link, NOW + 59)
    assert found is not None
    assert found.right is Right.VIEW
    assert BOTH.by_link("/stream.mjpg", link, NOW + 60) is None
    assert BOTH.by_link("/snapshot.jpg", link, NOW) is None
    assert BOTH.by_session(f"view.{link}", NOW) is None
    assert BOTH.with_password("view", hash_password("look at me", n=2)).by_link("/stream.mjpg", link, NOW) is None
    assert MAX_LINK_S == 7 * 86_400


def test_another_machines_secret_signs_nothing_here() -> None:
    """The same passwords on two cameras have nothing to do with each other."""
    other = Credentials(passwords=BOTH.passwords)
    assert other.by_session(BOTH.session(_granted(BOTH, "change me"), NOW), NOW) is None


# --- pauses


def test_five_tries_are_free_and_then_the_pause_doubles() -> None:
    """Up to a minute, and each address has its own."""
    time = [0.0]
    throttle = Throttle(lambda: time[0])
    for _ in range(FREE_TRIES):
        assert throttle.pause("192.168.1.2") == 0
        throttle.count_try("192.168.1.2")
    pauses = []
    for _ in range(8):
        pauses.append(throttle.pause("192.168.1.2"))
        time[0] += pauses[-1]
        assert throttle.pause("192.168.1.2") == 0
        throttle.count_try("192.168.1.2")
    assert pauses == [1, 2, 4, 8, 16, 32, MAX_PAUSE_S, MAX_PAUSE_S]
    assert throttle.pause("192.168.1.3") == 0
    throttle.succeeded("192.168.1.2", all_is_right=True)
    assert throttle.pause("192.168.1.2") == 0


def test_a_password_that_one_has_makes_guesses_at_the_other_cost_as_much() -> None:
    """Who may look does not guess the right to change by logging in between; who knows all has nothing to guess."""
    throttle = Throttle(lambda: 0.0)
    for _ in range(FREE_TRIES):
        assert throttle.pause("192.168.1.2") == 0
        throttle.count_try("192.168.1.2")
        throttle.succeeded("192.168.1.2", all_is_right=False)
    assert len(throttle) == 0
    for _ in range(FREE_TRIES):
        throttle.count_try("192.168.1.2")
        throttle.count_try("192.168.1.2")
        throttle.succeeded("192.168.1.2", all_is_right=False)
    assert throttle.pause("192.168.1.2") == 1
    throttle.succeeded("192.168.1.2", all_is_right=True)
    assert throttle.pause("192.168.1.2") == 0


def test_who_waits_long_enough_is_forgotten() -> None:
    """Ten minutes."""
    time = [0.0]
    throttle = Throttle(lambda: time[0])
    for _ in range(20):
        throttle.count_try("192.168.1.2")
    time[0] = 601
    throttle.count_try("192.168.1.2")
    assert throttle.pause("192.168.1.2") == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("::ffff:192.168.1.2", "192.168.1.2", True),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "", True),
    ],
)
def test_an_address_is_what_one_house_has(one: str, other: str, same: bool) -> None:
    """One of IPv6 can take another name for every try."""
    throttle = Throttle(lambda: 0.0)
    for _ in range(FREE_TRIES):
        throttle.count_try(one)
    assert (throttle.pause(other) > 0) is same


def test_the_table_of_guessers_has_a_bound() -> None:
    """However many there are."""
    throttle = Throttle(lambda: 0.0)
    for number in range(3000):
        throttle.count_try(f"10.0.{number // 256}.{number % 256}")
    assert len(throttle) == 1024


# --- the file


def test_the_file_is_for_the_service_alone_and_holds_no_password(tmp_path: Path) -> None:
    """Mode 0600; what is read is what was written; nothing else is left in the folder."""
    file = tmp_path / store.NAME
    keys, token = BOTH.with_token("script", "control", "2026-01-31")
    with store.exclusive(tmp_path):
        store.save(file, keys)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert store.load(file) == keys
    text = file.read_text()
    assert not any(secret in text for secret in ("change me", "look at me", token))
    assert [each.name for each in tmp_path.iterdir()] == [store.NAME]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_set_with_sudo_it_belongs_to_the_service(tmp_path: Path) -> None:
    """Whoever owns the folder."""
    os.chown(tmp_path, 12345, 12345)
    store.save(tmp_path / store.NAME, BOTH)
    assert (tmp_path / store.NAME).stat().st_uid == 12345


def test_a_damaged_file_is_a_setting_that_cannot_be(tmp_path: Path) -> None:
    """Cut anywhere, it lets nobody in; none at all is no fault."""
    file = tmp_path / store.NAME
    assert store.load(file) is None
    store.save(file, BOTH)
    whole = file.read_bytes()
    for length in range(len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(SettingError, match="damaged"):
            store.load(file)
    file.write_bytes(b" " * (1 << 17))
    with pytest.raises(SettingError, match="at most 64 KiB"):
        store.load(file)


def test_two_commands_do_not_write_over_each_other(tmp_path: Path) -> None:
    """The second is told to try again."""
    with store.exclusive(tmp_path), pytest.raises(SettingError, match="try again"), store.exclusive(tmp_path):
        pytest.fail("both were let in")


def test_the_most_tokens_fit_into_the_file(tmp_path: Path) -> None:
    """With names as long as may be."""
    keys = BOTH
    for number in range(MAX_TOKENS):
        keys, _ = keys.with_token(f"{number:040}", "control", "2026-01-31")
    store.save(tmp_path / store.NAME, keys)
    assert store.load(tmp_path / store.NAME) == keys


def test_a_session_of_plain_http_proves_nothing_over_tls() -> None:
    """Its cookie may have been overheard, before TLS was switched on or by way of an old link; nor the other way."""
    plain, secure = (BOTH.session(_granted(BOTH, "change me"), NOW, secure=each) for each in (False, True))
    assert BOTH.by_session(plain, NOW, secure=True) is None
    assert BOTH.by_session(secure, NOW, secure=False) is None
    assert BOTH.by_session(secure, NOW, secure=True) is not None


def test_a_file_that_cannot_be_read_or_written_is_one_sentence(tmp_path: Path) -> None:
    """A folder is in its place."""
    file = tmp_path / store.NAME
    (file / "more").mkdir(parents=True)
    with pytest.raises(SettingError, match="cannot be read: Is a directory"):
        store.load(file)
    with pytest.raises(SettingError, match="cannot be written: "):
        store.save(file, BOTH)
