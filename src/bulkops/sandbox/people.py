"""Invented people, the same for the same seed."""

import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

DOMAIN = "acme.test"

GIVEN = (
    "Ada", "Aylin", "Bruno", "Chloé", "Dmitri", "Élodie", "Farah", "Grace", "Héctor", "Ines", "Jürgen", "Kaito",
    "Lucía", "Maëlle", "Ngozi", "Olga", "Priya", "Quentin", "Rosa", "Søren", "Tomáš", "Uma", "Václav", "Wen",
    "Ximena", "Yusuf", "Zoë", "Amara", "Björn", "Carmen", "Diego", "Emeka", "Fatima", "Giulia", "Hana", "Ivan",
)  # fmt: skip
FAMILY = (
    "O'Brien", "Núñez", "Müller", "Kowalski", "Nguyễn", "Okafor", "Silva", "Smith", "D'Angelo", "Østergård", "Ivanova",
    "García", "Tanaka", "Haddad", "Johnson", "Kumar", "Lefèvre", "Moreau", "Novák", "Papadopoulou", "Rossi", "Schmidt",
    "Takahashi", "Van der Berg", "Weiß", "Yılmaz", "Zając", "Brown", "Chen", "Dubois", "Eriksson", "Fernández",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """`username` is unique and plain ASCII; `email` keeps apostrophes and sometimes capital letters."""

    given: str
    family: str
    username: str
    email: str


def plain(text: str) -> str:
    """ASCII letters, digits and apostrophes of a name, in lower case."""
    text = text.replace("ø", "o").replace("Ø", "O").replace("ß", "ss").replace("ı", "i").replace("å", "a")
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "".join(letter for letter in ascii_text if letter.isalnum() or letter == "'")


def invent(count: int, seed: int) -> Iterator[Person]:
    """`count` people. One in forty writes the address with capitals."""
    dice = random.Random(f"people:{seed}")
    given = [(name, plain(name)) for name in GIVEN]
    family = [(name, plain(name)) for name in FAMILY]
    for number in range(1, count + 1):
        first, first_plain = dice.choice(given)
        last, last_plain = dice.choice(family)
        local = f"{first_plain}.{last_plain}.{number}"
        email = f"{local}@{DOMAIN}"
        if number % 40 == 7:
            email = f"{first_plain.capitalize()}.{last_plain.capitalize()}.{number}@{DOMAIN.capitalize()}"
        yield Person(first, last, local.replace("'", ""), email)


def uuid_maker(seed: int, name: str) -> Iterator[str]:
    """Endless version-4 style UUIDs, the same for the same seed and name."""
    dice = random.Random(f"{name}:{seed}")
    while True:
        text = f"{dice.getrandbits(128):032x}"
        yield f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"
