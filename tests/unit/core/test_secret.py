"""Keys and tokens stay out of whatever is shown."""

from __future__ import annotations

import pickle

import pytest

from raytui.core.secret import Secret, mask, unsendable


def test_a_secret_shows_itself_only_when_revealed() -> None:
    secret = Secret("  s3cr3t-value\n")
    assert secret.reveal() == "s3cr3t-value"
    assert "s3cr3t" not in f"{secret} {secret!r} {secret:>20} {[secret]} %s" % secret


def test_a_secret_is_read_each_time_it_is_needed() -> None:
    values = ["first-key", "second-key"]
    secret = Secret(lambda: values.pop(0))
    assert [secret.reveal(), secret.reveal()] == ["first-key", "second-key"]


def test_a_secret_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="not copied"):
        pickle.dumps(Secret("abcdefgh"))


@pytest.mark.parametrize("value", ["", "   "])
def test_an_empty_secret_is_false(value: str) -> None:
    assert not Secret(value)


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("the key abcdef123456 was refused", "abcdef123456"),
        ('{"RAY_AUTH_TOKEN": "0f0f0f0f0f"}', "0f0f0f0f0f"),
        ("DB_PASSWORD=hunter2 rest", "hunter2"),
        ("AWS_SECRET_ACCESS_KEY: wJalrXUtnFEMI", "wJalrXUtnFEMI"),
        ("Authorization: Bearer eyJhbGciOi", "eyJhbGciOi"),
        ("git clone https://user:ghp_tok@github.com/a/b", "ghp_tok"),
    ],
)
def test_mask_takes_out_given_secrets_and_what_is_named_like_one(text: str, gone: str) -> None:
    masked = mask(text, [Secret("abcdef123456")])
    assert gone not in masked
    assert "***" in masked


def test_mask_leaves_plain_words_alone() -> None:
    assert (
        mask("script 'x.py' not found in project directory", ["", "x"])
        == "script 'x.py' not found in project directory"
    )


BAD = {
    "byte order mark": "\ufeff{}",
    "typographic quote": "\u201c{}\u201d",
    "more than one line": "{}\n{}",
    "control character": "a\x1b{}",
    "outside ASCII": "{}\u200bx",
}


@pytest.mark.parametrize("kind", BAD)
def test_a_value_that_is_no_header_is_named_by_its_kind_of_character_alone(kind: str) -> None:
    secret = "v3ry-s3cret"
    reported = unsendable(BAD[kind].format(secret, secret))
    assert kind in reported
    assert secret not in reported
    assert reported.isascii()


@pytest.mark.parametrize("value", ["key.with-all_kinds+of/signs==", "  key\n", "", "two words"])
def test_what_a_header_can_carry_is_fine(value: str) -> None:
    assert unsendable(value) == ""
