"""Keys: whoever holds one may do exactly that one thing; nobody else, and nobody by the database alone."""

import gzip
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from integration.app import create_app
from integration.connecting.connections import opened_secrets
from integration.errors import ConfigError, NotFound
from integration.inbox.receiving import Inbox
from integration.keys import LONGEST, KeyKind, Keys, new_id, random_id
from integration.links import Links
from integration.parts import Parts
from integration.store import connections as stored
from integration.store.tables import connections, metadata

OLD, NEW, NEWEST = (
    "an operator's secret of " + year for year in ("2024, long enough", "2025, as long", "2026, so too")
)
ADDRESSES = {
    KeyKind.ME: "/me/{}",
    KeyKind.FEED: "/calendar/{}.ics",
    KeyKind.HOOK: "/hooks/simple/{}",
    KeyKind.SESSION: "/session/{}",
}
STANDARD_SECRET = "whsec_" + "QSBzZWNyZXQgb2YgdGhlIHNlcnZpY2UsIDMyIGJ5dGU="


@pytest.fixture
def keys() -> Keys:
    return Keys((NEW, OLD))


@pytest.mark.parametrize("kind", KeyKind)
def test_a_key_reads_back_as_what_was_signed_and_says_what_it_is_for(keys: Keys, kind: KeyKind) -> None:
    random = random_id()
    key = keys.key(kind, random)
    assert keys.read(kind, key) == random
    assert key.startswith(f"{kind}_{random}.")
    assert key.isascii()
    assert len(key) < LONGEST


@pytest.mark.parametrize("kind", KeyKind)
@pytest.mark.parametrize("other", KeyKind)
def test_a_key_opens_nothing_of_another_kind(keys: Keys, kind: KeyKind, other: KeyKind) -> None:
    key = keys.key(kind, random_id())
    for claimed in (key, key.replace(f"{kind}_", f"{other}_")):
        if kind is not other:
            with pytest.raises(NotFound):
                keys.read(other, claimed)


@pytest.mark.parametrize("kind", KeyKind)
def test_a_key_with_any_bit_of_any_character_flipped_is_refused(keys: Keys, kind: KeyKind) -> None:
    key = keys.key(kind, random_id())
    for place, character in enumerate(key):
        for bit in range(7):
            flipped = key[:place] + chr(ord(character) ^ 1 << bit) + key[place + 1 :]
            with pytest.raises(NotFound):
                keys.read(kind, flipped)


def test_a_key_cut_anywhere_or_with_anything_added_is_refused(keys: Keys) -> None:
    key = keys.key(KeyKind.ME, random_id())
    wrong = [key[:length] for length in range(len(key))] + [key[start:] for start in range(1, len(key))]
    wrong += [key + more for more in ("A", "AAAA", "=", "====", "!!!!", "\n", "....", "\0", " ", ".ics")]
    wrong += [key[:-8] + "!!!!" + key[-8:], key.upper(), f"{key}.{key}", key.replace(".", "_")]
    for forged in wrong:
        with pytest.raises(NotFound):
            keys.read(KeyKind.ME, forged)


FORGED = {
    "empty": "",
    "a kind alone": "me_",
    "no signature": "me_random",
    "an empty signature": "me_random.",
    "another's signature": Keys(("another operator's secret, as long",)).key(KeyKind.ME, "random"),
    "a kind that does not exist": "admin_random.signature",
    "over-long": "me_" + "a" * 5000,
    "non-ASCII": "me_räuber.ünterschrift",
    "a surrogate": "me_\udcff.\udcff",
    "NUL": "me_\0.\0",
    "SQL": "me_' OR 1=1 --.x",
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_what_we_did_not_sign_is_refused(keys: Keys, forged: str) -> None:
    for kind in KeyKind:
        with pytest.raises(NotFound):
            keys.read(kind, forged)


@pytest.mark.parametrize("kind", ADDRESSES)
def test_a_forged_key_is_refused_before_any_query(
    client: FlaskClient, parts: Parts, statements: list[str], kind: KeyKind
) -> None:
    good = parts.keys.key(kind, random_id())
    others = [parts.keys.key(other, random_id()) for other in KeyKind if other is not kind]
    wrong = [good[:-2], good + "A", good.swapcase(), "%FF%FE", "x" * 4000, f"{kind}_", *others]
    ask = client.post if kind is KeyKind.HOOK else client.get
    for forged in wrong:
        assert ask(ADDRESSES[kind].format(forged)).status_code == 404, forged
    assert statements == []


@pytest.mark.parametrize("kind", [KeyKind.ME, KeyKind.FEED, KeyKind.HOOK])
def test_a_key_that_we_signed_for_a_row_that_is_not_there_costs_one_query(
    client: FlaskClient, parts: Parts, statements: list[str], kind: KeyKind
) -> None:
    ask = client.post if kind is KeyKind.HOOK else client.get
    assert ask(ADDRESSES[kind].format(parts.keys.key(kind, random_id()))).status_code == 404
    assert len([told for told in statements if "SELECT" in told]) == len(statements) == 1


def test_ids_are_long_and_never_the_same() -> None:
    randoms, ids = {random_id() for _ in range(10_000)}, {new_id() for _ in range(10_000)}
    assert (len(randoms), len(ids)) == (10_000, 10_000)
    assert {len(random) for random in randoms} == {32}
    assert all(made.isalnum() and made == made.lower() and made.isascii() for made in ids)


def test_after_a_rotation_older_keys_still_open_and_new_ones_are_signed_with_the_newest() -> None:
    before, after, later = Keys((OLD,)), Keys((NEW, OLD)), Keys((NEWEST, NEW))
    old, new = before.key(KeyKind.ME, "random"), after.key(KeyKind.ME, "random")
    assert old != new
    assert new == Keys((NEW,)).key(KeyKind.ME, "random")
    assert after.read(KeyKind.ME, old) == after.read(KeyKind.ME, new) == later.read(KeyKind.ME, new) == "random"
    with pytest.raises(NotFound):
        later.read(KeyKind.ME, old)


def test_after_a_rotation_older_secrets_still_open_and_dropped_ones_do_not() -> None:
    sealed = Keys((OLD,)).seal("token", "connections/1/secrets")
    assert Keys((NEW, OLD)).open(sealed, "connections/1/secrets") == "token"
    with pytest.raises(ConfigError, match="TURNTWICE_SECRET_KEY"):
        Keys((NEWEST, NEW)).open(sealed, "connections/1/secrets")
    with pytest.raises(ConfigError):
        Keys((OLD,)).open(Keys((NEW, OLD)).seal("token", "connections/1/secrets"), "connections/1/secrets")


def test_a_sealed_secret_shows_nothing_and_is_another_each_time(keys: Keys) -> None:
    sealed = {keys.seal("the token", "here") for _ in range(3)}
    assert len(sealed) == 3
    assert not any("token" in text for text in sealed)


@pytest.mark.parametrize("text", ["", "a", "two\nlines", "ümläut 🧘", "a,b"])
def test_any_text_comes_back_as_it_was_sealed(keys: Keys, text: str) -> None:
    assert keys.open(keys.seal(text, "place"), "place") == text


@pytest.mark.parametrize("broken", ["", "junk", "gAAAAA", "ünicode", "\0"])
def test_a_sealed_secret_that_was_changed_is_refused_in_one_line(keys: Keys, broken: str) -> None:
    sealed = keys.seal("token", "place")
    for wrong in (broken, sealed[:-4] + "AAA=", sealed[1:], sealed.swapcase()):
        with pytest.raises(ConfigError) as told:
            keys.open(wrong, "place")
        assert "\n" not in str(told.value)
        assert "token" not in str(told.value)


def swap_secrets(parts: Parts, one: str, other: str) -> None:
    with parts.store.writing() as db:
        sealed = {row.id: row.secrets for row in db.execute(select(connections))}
        for into, source in ((one, other), (other, one)):
            db.execute(update(connections).where(connections.c.id == into).values(secrets=sealed[source]))


def test_two_sealed_secrets_that_changed_places_are_refused_and_not_used(
    client: FlaskClient, parts: Parts, somebody: Any
) -> None:
    one, other = somebody.connect("simple", bearer="a" * 24), somebody.connect("simple", bearer="b" * 24)
    swap_secrets(parts, one.id, other.id)
    with parts.store.reading() as db:
        swapped = stored.by_id(db, one.id)
    with pytest.raises(ConfigError):
        opened_secrets(parts.keys, swapped)
    hook = somebody.path(parts.links.hook("simple", one.key))
    for bearer in ("a" * 24, "b" * 24):
        answer = client.post(hook, headers={"Authorization": f"Bearer {bearer}"})
        assert answer.status_code == 503, "the sender comes back when the operator has put it right"
        assert answer.headers["Retry-After"]
    assert somebody.facts() == []


def test_a_lost_operator_secret_makes_every_address_unknown_and_damages_nothing(parts: Parts, somebody: Any) -> None:
    connection = somebody.connect("standard")
    wrong = Keys((NEW,))
    stranger = Parts(parts.store, wrong, Links(parts.links.public_url, wrong), parts.clock, parts.providers)
    client = create_app(stranger).test_client()
    for address in (parts.links.page(somebody.key), parts.links.feed(somebody.feed.key)):
        assert client.get(somebody.path(address)).status_code == 404
    hook = parts.links.hook("standard", connection.key)
    assert client.post(somebody.path(hook)).status_code == 404
    assert create_app(parts).test_client().get(somebody.path(parts.links.page(somebody.key))).status_code == 200
    assert Inbox(parts.store, parts.keys, parts.providers, parts.clock).find("standard", hook.rpartition("/")[2])


@pytest.fixture
def dump(parts: Parts) -> Callable[[], bytes]:
    """All that somebody sees who steals the database: every value, unpacked, and the bytes of its files."""

    def read() -> bytes:
        file = Path(parts.store.engine.url.database or "")
        found = [path.read_bytes() for path in file.parent.glob(f"{file.name}*") if parts.store.is_sqlite]
        with parts.store.reading() as db:
            values = [value for table in metadata.sorted_tables for row in db.execute(select(table)) for value in row]
        for value in values:
            found.append(value if isinstance(value, bytes) else str(value).encode())
            found += [gzip.decompress(value)] if found[-1].startswith(b"\x1f\x8b") else []
        return b"\n".join(found).replace(b"\r\n ", b"")

    return read


def test_a_stolen_database_opens_nothing(
    client: FlaskClient, parts: Parts, somebody: Any, session_path: str, dump: Callable[[], bytes]
) -> None:
    bearer, signing = secrets.token_urlsafe(32), STANDARD_SECRET
    simple, standard = somebody.connect("simple", bearer=bearer), somebody.connect("standard", secret=signing)
    hook = parts.links.hook("simple", simple.key)
    told = client.post(
        somebody.path(hook), headers={"Authorization": f"Bearer {bearer}"}, json={"note": "a note of mine"}
    )
    assert told.json["outcome"] == "accepted"
    secret = {
        "page": parts.links.page(somebody.key),
        "feed": parts.links.feed(somebody.feed.key).removesuffix(".ics"),
        "hook": hook,
        "hook, signed": parts.links.hook("standard", standard.key),
        "session": session_path,
    }
    secret = {name: address.rpartition(".")[2] for name, address in secret.items()}
    secret |= {"bearer": bearer, "signing": signing.removeprefix("whsec_"), "operator's": "for tests only"}
    stolen = dump()
    assert b"a note of mine" in stolen, "the dump is of the right database"
    assert simple.key.encode() in stolen
    assert [name for name, value in secret.items() if value.encode() in stolen] == []
