"""References to secrets, and hiding secrets in what other programs say."""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from pantry_tui.errors import ConfigError

KINDS = ("env", "file", "command", "credential")
FORMS = "env:NAME, file:/path, command:/path arguments or credential:NAME"
COMMAND_TIMEOUT_SECONDS = 30
_LARGEST_SECRET = 64 * 1024

_URI_PASSWORD = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@]+@", re.IGNORECASE)
_KEYWORD_PASSWORD = re.compile(r"(\b\w*pass(?:word|wd)\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&]+)", re.IGNORECASE)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` with the passwords of URIs and connection strings, and every one of ``secrets``, replaced by `***`."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return _KEYWORD_PASSWORD.sub(r"\1***", _URI_PASSWORD.sub(r"\1***@", text))


def check_reference(reference: str, *, key: str, what: str = "password") -> None:
    """Raises `ConfigError` naming ``key`` when this is no reference; a literal secret is not repeated.

    ``what`` says what it refers to.
    """
    kind, _, rest = reference.partition(":")
    if kind not in KINDS or not rest:
        raise ConfigError(
            f"{key} must be a reference to the {what}, not the {what} itself",
            remedy=f"Write {FORMS}" + ("; or leave it out and use ~/.pgpass." if what == "password" else "."),
        )
    if kind in ("file", "command") and not rest.startswith("/"):
        raise ConfigError(f"{key}: {kind}: needs an absolute path", remedy=f"Write {kind}:/full/path.")
    if kind == "credential" and "/" in rest:
        raise ConfigError(f"{key}: credential: takes a name without slashes", remedy="Write credential:NAME.")


def resolve_reference(reference: str, environment: Mapping[str, str], *, key: str, what: str = "password") -> str:
    """The secret that ``reference`` stands for. Raises `ConfigError` naming ``key``, never the secret."""
    return secret_text(resolve_bytes(reference, environment, key=key, what=what), reference, key=key, what=what)


def secret_text(secret: bytes, source: str, *, key: str, what: str = "password") -> str:
    """A password or passphrase as text, without the line's end. Raises `ConfigError` when it cannot be one."""
    kind = source.partition(":")[0]
    try:
        text = secret.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError(f"{key}: {kind}: gives no UTF-8 text", remedy=f"Store the {what} as UTF-8.") from None
    if not text or "\0" in text:
        raise ConfigError(f"{key}: {kind}: gives no usable {what}", remedy=f"Put the {what} there and nothing else.")
    return text


def resolve_bytes(reference: str, environment: Mapping[str, str], *, key: str, what: str) -> bytes:
    """What ``reference`` stands for, as it is. Raises `ConfigError` naming ``key``, never the secret."""
    check_reference(reference, key=key, what=what)
    kind, _, rest = reference.partition(":")
    if kind == "env":
        return _from_environment(rest, environment, key)
    if kind == "file":
        return read_secret_file(Path(rest), key=key)
    if kind == "credential":
        return _from_credential(rest, environment, key)
    return _from_command(rest, environment, key)


def _from_environment(name: str, environment: Mapping[str, str], key: str) -> bytes:
    if name not in environment:
        raise ConfigError(f"{key}: the environment variable {name} is not set", remedy=f"Set {name}.")
    return environment[name].encode(errors="surrogateescape")


def _from_credential(name: str, environment: Mapping[str, str], key: str) -> bytes:
    directory = environment.get("CREDENTIALS_DIRECTORY")
    if not directory:
        raise ConfigError(
            f"{key}: there are no systemd credentials here (CREDENTIALS_DIRECTORY is not set)",
            remedy=f"Run as a systemd service with LoadCredential={name}:/path, or use another kind of reference.",
        )
    return _read(Path(directory) / name, key)


def read_secret_file(path: Path, *, key: str) -> bytes:
    """The content of a file that nobody else can read. Raises `ConfigError` naming ``key``."""
    return _read(path, key, private=True)


def _read(path: Path, key: str, *, private: bool = False) -> bytes:
    try:
        with path.open("rb") as file:
            if private:
                check_private(os.fstat(file.fileno()), path, key=key)
            return file.read(_LARGEST_SECRET)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        remedy = "Check the path." if missing else "Let this user read it, and nobody else: mode 0600."
        raise ConfigError(f"{key}: cannot read {path}: {error.strerror}", remedy=remedy) from error


def check_private(status: os.stat_result, path: Path, *, key: str) -> None:
    """Refuses a secret file that others can read, by libpq's own rule for private keys.

    One's own file must be 0600 or less; root's may be readable by its group (0640).
    """
    open_to_others = 0o037 if status.st_uid == 0 and os.geteuid() != 0 else 0o077
    if status.st_uid not in (0, os.geteuid()):
        raise ConfigError(f"{key}: {path} belongs to somebody else", remedy=f"Run: chown {os.geteuid()} {path}")
    if stat.S_IMODE(status.st_mode) & open_to_others:
        raise ConfigError(
            f"{key}: others can read {path}", remedy=f"If it holds nothing but this secret, run: chmod 600 {path}"
        )


def check_not_writable(status: os.stat_result, path: Path, *, what: str) -> None:
    """Refuses a file that somebody else could have written."""
    if status.st_uid not in (0, os.geteuid()):
        raise ConfigError(
            f"{what} {path} belongs to another user (uid {status.st_uid})",
            remedy=f"Have it owned by you or by root: chown {os.geteuid()} {path}",
        )
    if stat.S_IMODE(status.st_mode) & 0o022:
        raise ConfigError(f"{what} {path} can be written by others", remedy=f"Run: chmod go-w {path}")


def _from_command(command: str, environment: Mapping[str, str], key: str) -> bytes:
    import subprocess

    try:
        argv = shlex.split(command)
        check_not_writable(Path(argv[0]).stat(), Path(argv[0]), what=f"{key}: the command")
        done = subprocess.run(
            argv,
            env={name: environment[name] for name in ("PATH", "HOME", "LANG") if name in environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
            check=True,
        )
        return done.stdout[:_LARGEST_SECRET]
    except (ValueError, IndexError) as error:
        raise ConfigError(f"{key}: the command cannot be read", remedy="Check its quotes.") from error
    except OSError as error:
        raise ConfigError(f"{key}: cannot run {argv[0]}: {error.strerror}", remedy="Check its path.") from error
    except subprocess.TimeoutExpired as error:
        raise ConfigError(
            f"{key}: {argv[0]} gave no password within {COMMAND_TIMEOUT_SECONDS} s", remedy="It must not ask."
        ) from error
    except subprocess.CalledProcessError as error:
        raise ConfigError(
            f"{key}: {argv[0]} failed with status {error.returncode}",
            remedy="Run it by hand as the same user.",
            detail=error.stderr.decode(errors="replace").strip()[-500:] or None,
        ) from error
