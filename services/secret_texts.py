"""Secrets in texts: keys, tokens, passwords, private keys, numbers of cards and accounts.

A table of our own: the maintained rule sets read lines of code under settings of the whole process, take entropy for
a secret, which prose is full of, and know neither cards nor IBANs. Here is only what a prefix or a check digit makes
sure, values that stand behind a name such as «password» or «DB_PASSWORD» and look like one, and near such a word long
strings that nobody reads.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from services.errors import InvalidInput

SOUGHT = "keys, tokens, passwords, card and account numbers"
"""What the table below finds, as texts name it."""


class Secret(NamedTuple):
    """One that was found, and where."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: str
    pattern: re.Pattern[str]
    """Its group `secret`, if it has one, is what is secret of the match."""
    holds: Callable[[str], bool] = lambda found: True
    parts: tuple[str, ...] = ()
    """Of which every match has one: a text without them is passed over at once."""
    names: tuple[str, ...] = ()
    """The same, in small letters, whatever those of the match are."""

    def may_match(self, text: str, small: str, *, figures: bool) -> bool:
        """`small`: the text without regard to case; `figures`: whether it has any."""
        if not figures and self.holds in (_is_password, _is_random):
            return False
        return any(part in text for part in self.parts) or any(name in small for name in self.names)


_LENGTHS = """
AD24 AE23 AT20 BE16 BG22 BH22 BR29 CH21 CR22 CY28 CZ24 DE22 DK18 EE20 ES24 FI18 FR27 GB22 GE22 GR27 HR21 HU28 IE22 IL23
IS26 IT27 KW30 LI21 LT20 LU20 LV21 MC27 MD24 ME22 MT31 NL18 NO15 PK24 PL28 PT25 QA29 RO24 RS22 SA24 SE24 SI19 SK24 SM27
TN24 TR26 UA29 VG24
"""
_IBAN_LENGTHS = {one[:2]: int(one[2:]) for one in _LENGTHS.split()}
_PLACEHOLDER = re.compile(
    r"[<\[({$%*.…•_-]|xx|xyz\b|(?:your|my|the|some|example|changeme|password|passwort|secret|token)\b", re.IGNORECASE
)
_TECHNICAL = re.compile(
    r"(?:base(?:32|64)|sha-?[1235]\d*|md5|oauth2?|bcrypt|argon2\w*|ed25519|[rhep]s(?:256|384|512)|aes-?\d+|utf-?8|p-?256)\b"
    r"|\d+-(?:bit|byte|char|character|digit|day|minute|hour|second|week|month|year)s?\b"
    r"|(?:os|process|settings|config|env|self|vault)[.:]|https?://|[a-z_][\w.]*\((?:.*\))?\W*$",
    re.IGNORECASE,
)
"""What a text says of a secret, or where one is, in the place of its value: «the token is base64-encoded»."""
_PATH = re.compile(r"[~.]{0,2}(?:/[a-z0-9_.-]+)+")
_NAME = r"""
(?:(?i:pass(?:word|wd|phrase|wort)|kennwort|passwd)
|(?:(?<![^\W_])|(?<=[a-z0-9])(?=[A-Z]))(?i:pwd|secret|credentials?|(?:api|access|auth|refresh|id|bot|bearer)?[ _-]?token
|(?:api|access|secret|private|encryption|signing|master|account|storage|license|service|auth|client)[ _-]?key))
(?i:[ _-]?(?:key|token|value|base|prod|dev|staging|test|live|old|new|\d{1,2}))?
""".replace("\n", "")
"""Names of values: also the last part of «DB_PASSWORD» and «clientSecret»."""
_IS = r"""[\"'`*]{0,2}\s{0,5}(?::=|=>|:|=|(?i:\bis\b|\bwas\b|\bist\b))\s{0,5}[\"'`*]{0,3}"""
_FIGURE = re.compile(r"\d")
_WORDY = re.compile(r"[A-Z]?[a-z]{3,}")
_LEAST_PART = 12
"""Characters between signs of a string that nobody reads; those of ids and names are shorter."""


def _is_password(value: str) -> bool:
    """Letters and figures together, and no placeholder: «password: hunter2hunter2», not «token expires after»."""
    if _PLACEHOLDER.match(value) or _TECHNICAL.match(value) or _PATH.fullmatch(value):
        return False
    return bool(re.search(r"\d", value) and re.search(r"[^\W\d]", value))


def _is_random(value: str) -> bool:
    """Capitals, small letters and figures, hardly any of it words: no hash, UUID, path, or name of a class."""
    if not all(re.search(some, value) for some in ("[A-Z]", "[a-z]", r"\d")):
        return False
    parts = (part for part in re.split(r"[^A-Za-z0-9]+", value) if len(part) >= _LEAST_PART)
    mixed = any(re.search("[A-Z]", part) and re.search("[a-z]", part) for part in parts)
    return mixed and len(_WORDY.sub("", value)) >= len(value) / 2


def _is_card(number: str) -> bool:
    digits = [int(one) for one in number if one.isdigit()]
    doubled = [one if place % 2 else sum(divmod(2 * one, 10)) for place, one in enumerate(digits, len(digits) % 2)]
    return len(digits) in (15, 16, 19) and len(set(digits)) > 1 and sum(doubled) % 10 == 0


def _is_iban(found: str) -> bool:
    plain = found.replace(" ", "")
    if len(plain) != _IBAN_LENGTHS.get(plain[:2]):
        return False
    return int("".join(str(int(one, 36)) for one in plain[4:] + plain[:4])) % 97 == 1


def _rule(
    kind: str,
    parts: str,
    pattern: str,
    holds: Callable[[str], bool] = lambda found: True,
    names: str = "",
) -> _Rule:
    return _Rule(kind, re.compile(pattern), holds, tuple(parts.split("|")) if parts else (), tuple(names.split()))


_NAMES = "pass secret token key credential"
_RULES = (
    _rule(
        "private key",
        "PRIVATE KEY",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----(?s:.*?)(?:-----END [A-Z0-9 ]*-----|\Z)",
    ),
    _rule("AWS key", "AKIA|ASIA", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    _rule(
        "AWS secret key",
        "AKIA|ASIA",
        r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b(?s:.){1,200}?(?<![\w/+])(?P<secret>[A-Za-z0-9/+]{40})(?![\w/+=])",
        _is_random,
    ),
    _rule(
        "AWS secret key",
        "AKIA|ASIA",
        r"(?<![\w/+])(?P<secret>[A-Za-z0-9/+]{40})(?![\w/+=])(?=(?s:.){1,200}?\b(?:AKIA|ASIA)[0-9A-Z]{16}\b)",
        _is_random,
    ),
    _rule(
        "GitHub token", "ghp_|gho_|ghu_|ghs_|ghr_|github_pat_", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{50,})"
    ),
    _rule("GitLab token", "glpat-", r"\bglpat-[\w-]{20,}"),
    _rule(
        "Slack token",
        "xox|hooks.slack.com",
        r"\bxox[abeoprs]-[\w-]{10,}|\bhttps://hooks\.slack\.com/services/T\w+/B\w+/\w+",
    ),
    _rule("Stripe key", "k_live_|k_test_", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    _rule(
        "API key",
        "sk-|AIza|hf_|npm_|pypi-AgE",
        r"\bsk-[\w-]{20,}|\bAIza[\w-]{35}\b|\bhf_[A-Za-z0-9]{30,}|\bnpm_[A-Za-z0-9]{36}|\bpypi-AgE[\w-]{50,}",
        lambda found: bool(re.search(r"\d", found)),
    ),
    _rule("SendGrid key", "SG.", r"\bSG\.[\w-]{22}\.[\w-]{43}"),
    _rule("bot token", ":AA", r"\b\d{8,10}:AA[\w-]{33}\b"),
    _rule(
        "JSON web token",
        "eyJ",
        r"(?<![\w-])(?>[\w-]*?\b(?=eyJ))(?P<secret>eyJ[\w-]{8,}+\.eyJ[\w-]{8,}+\.[\w-]{8,})",
    ),
    _rule(
        "password in a URL",
        "://",
        r"\b[a-z][a-z0-9+.-]{0,30}://[^\s:/@]+:(?P<secret>[^\s:/@]{3,})@",
        lambda found: not _PLACEHOLDER.match(found),
    ),
    _rule("bearer token", "", r"(?i:\bbearer)\s+(?P<secret>[\w.~+/-]{20,}=*)", _is_password, "bearer"),
    _rule(
        "password",
        "",
        rf"{_NAME}{_IS}(?P<secret>[^\s\"'`,;]{{8,}})",
        _is_password,
        f"{_NAMES} kennwort pwd",
    ),
    _rule(
        "secret",
        "",
        r"(?i:secret|token|(?<!public )key|passwor[dt]|credential)s?\b(?:[^\w\n]{1,4}\w{1,15}){0,5}?[^\w\n]{1,4}"
        r"(?<![\w/+=-])(?P<secret>[\w/+=-]{20,})",
        _is_random,
        _NAMES,
    ),
    _rule(
        "card number",
        "2|3|4|5|6",
        r"(?<![\w.-])(?:[2-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{4}(?:[ -]?\d{3})?|3[47]\d{2}[ -]?\d{6}[ -]?\d{5})(?![\w-])",
        _is_card,
    ),
    _rule("IBAN", "|".join(_IBAN_LENGTHS), r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b"),
)


def find_secrets(text: str) -> tuple[Secret, ...]:
    """Secrets in the order of the text; where two overlap, the first of the table."""
    found: list[Secret] = []  # in the order of the text, so that only the neighbours of one can overlap it
    small, figures = text.casefold(), _FIGURE.search(text) is not None
    for rule in _RULES:
        for match in rule.pattern.finditer(text) if rule.may_match(text, small, figures=figures) else ():
            start, end = match.span("secret" if "secret" in rule.pattern.groupindex else 0)
            if rule.kind == "IBAN":
                end = _end_of_iban(text[start:end], start)
            place = bisect(found, start, key=attrgetter("start"))
            is_new = all(end <= one.start or start >= one.end for one in found[max(place - 1, 0) : place + 1])
            if end > start and is_new and rule.holds(text[start:end]):
                found.insert(place, Secret(start, end, rule.kind))
    return tuple(found)


def _end_of_iban(found: str, start: int) -> int:
    """Where the number ends that a text goes on behind; `start` where it is none."""
    length, digits = _IBAN_LENGTHS.get(found[:2], 0), 0
    for place, one in enumerate(found):
        digits += one != " "
        if digits == length:
            return start + place + 1 if _is_iban(found[: place + 1]) else start
    return start


def masked(text: str) -> str:
    """The text with «[AWS key]» in the place of each secret."""
    parts, end = [], 0
    for one in find_secrets(text):
        parts += [text[end : one.start], f"[{one.kind}]"]
        end = one.end
    return "".join((*parts, text[end:]))


def guarded(text: str, policy: str, before: str = "") -> str:
    """A text as it may be written, over another one whose secrets are known: as it is, or masked.

    Raises InvalidInput where the policy is to refuse what is new of them.
    """
    if policy == "warn":
        return text
    known = {before[one.start : one.end] for one in find_secrets(before)}
    if all(text[one.start : one.end] in known for one in find_secrets(text)):
        return text
    if policy == "mask":
        return masked(text)
    raise InvalidInput(f"the text has {describe_secrets(text)}, which MEMORIA_SECRETS refuses; take it out, or mask it")


def told_of_masking(given: str, written: str) -> str:
    """«masked a password», where what was given is not what was written; "" where nothing was masked."""
    found = describe_secrets(given)
    return f"masked {found}" if found and given != written and not find_secrets(written) else ""


def describe_secrets(text: str) -> str:
    """«a GitHub token, 2 passwords»; "" where there is none."""
    kinds = [one.kind for one in find_secrets(text)]
    return ", ".join(
        f"{number} {kind}s" if (number := kinds.count(kind)) > 1 else f"{_article(kind)} {kind}"
        for kind in dict.fromkeys(kinds)
    )


def _article(noun: str) -> str:
    return "an" if noun[0] in "AI" else "a"
