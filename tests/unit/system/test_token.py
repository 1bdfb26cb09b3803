"""Ray's token is found in Ray's own order, and what is of no use is named without a part of it being shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from raytui.system.token import MAX_BYTES, ray_token


def test_the_variable_comes_before_the_file_and_the_users_own_comes_last(tmp_path: Path) -> None:
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("of-the-user\n")
    (tmp_path / "token").write_text(" from-file\n")
    environ = {"HOME": str(tmp_path), "RAY_AUTH_TOKEN_PATH": "~/token"}
    named = ray_token(environ, Path("/"))
    assert (named.text, named.path) == ("from-file", str(tmp_path / "token"))
    given = ray_token({**environ, "RAY_AUTH_TOKEN": " from-variable "}, Path("/"))
    assert (given.text, given.source, given.path) == ("from-variable", "RAY_AUTH_TOKEN", "")
    assert ray_token({"HOME": str(tmp_path)}, Path("/")).source == ""
    assert ray_token({"HOME": str(tmp_path)}, Path("/"), of_the_user=True).text == "of-the-user"
    assert ray_token({"HOME": str(tmp_path), "RAY_AUTH_TOKEN_PATH": "token"}, tmp_path).text == "from-file"


@pytest.mark.parametrize(
    ("data", "why", "missing"),
    [
        (b"", "it is empty", True),
        (b"x" * (MAX_BYTES + 1), "it is longer than", True),
        (b"\xff\xfe", "no text in UTF-8", False),
        ("a\u201db".encode(), "typographic quote", False),
        (b"one\ntwo", "more than one line", False),
    ],
)
def test_a_file_that_gives_no_token_is_named_with_its_reason(
    tmp_path: Path, data: bytes, why: str, missing: bool
) -> None:
    (tmp_path / "token").write_bytes(data)
    found = ray_token({"RAY_AUTH_TOKEN_PATH": "token"}, tmp_path)
    assert why in found.trouble
    assert found.is_missing is missing
    assert found.text == ""
    assert found.source == f"{tmp_path / 'token'} (RAY_AUTH_TOKEN_PATH)"


def test_a_file_that_does_not_exist_is_named_and_a_token_is_never_shown(tmp_path: Path) -> None:
    found = ray_token({"RAY_AUTH_TOKEN_PATH": "nowhere"}, tmp_path)
    assert found.is_missing
    assert "No such file" in found.trouble
    assert "hush" not in repr(ray_token({"RAY_AUTH_TOKEN": "hush-hush"}, tmp_path))
