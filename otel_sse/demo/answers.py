"""What the demo's model says: our own texts, cut into tokens as a model cuts them.

The texts repeat tokens as real answers do (a table's rules, a numbered list, blank lines, laughter), because equal
tokens are what a naive search for duplicates stumbles over.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import Final

_TEAS: Final = """\
Here are four teas, side by side:

| tea       | cups | minutes | degrees |
|-----------|------|---------|---------|
| green     | 2    | 2       | 80      |
| white     | 2    | 2       | 80      |
| black     | 3    | 4       | 100     |
| chamomile | 1    | 8       | 100     |

Green and white tea get the same time and the same heat. Black tea wants
boiling water; so does chamomile, and it wants it for twice as long."""

_WORDS: Final = """\
In three steps:

1. Split the text into words.
2. Count the words.
3. Print the words that were counted more than once.

```python
from collections import Counter

words = "ha ha ha said the duck".split()

for word, count in Counter(words).items():
    if count > 1:

        print(word, count)
```

It prints `ha 3`: the word came three times, and that is what was said."""

_JOKE: Final = """\
A duck walks into a print shop and asks: "Do you have bread?"

"No," says the printer, "no, no, no. We have paper, paper and paper."

The next day the duck is back. "Do you have paper?" "Yes, yes, yes!"
"Good," says the duck. "And do you have bread?"

Ha ha ha. Ha ha ha ha ha. Forgive me, I laugh at it every time: ha ha ha!"""

_OTHER: Final = """\
I am a demo and know three answers by heart. Ask me for a table of teas,
for a way to count words in Python, or for a joke. I know this as well:

- every chunk of this answer is an event in its trace,
- every chunk of this answer has a number, a digest and a time,
- every chunk of this answer left the gateway exactly once."""

QUESTIONS: Final = (
    "Which tea shall I have? A table, please.",
    "Tell me a joke.",
    "How do I count words in Python?",
)
"""The questions that the demo asks, in order."""

_TEXTS: Final = (("tea", _TEAS), ("word", _WORDS), ("joke", _JOKE))

_PIECE: Final = re.compile(r"'(?:[sdmt]|ll|ve|re)\b| ?[^\W\d_]+| ?\d{1,3}| ?(?:[^\w\s]|_)+|\s+?(?= \S)|\s+")
"""A word, a number or punctuation with the space before it, or white space. Every character belongs to one piece."""

_LONGEST_CHARS: Final = 7
_STEM_CHARS: Final = 5


def answer(question: str) -> str:
    """Return the model's answer: one of three texts, chosen by a word of the question, or what it can be asked."""
    asked = question.lower()
    return next((text for word, text in _TEXTS if word in asked), _OTHER)


def tokens(text: str) -> list[str]:
    """Cut a text the way a model's tokenizer does: sub-word pieces that keep the space before them.

    Args:
        text: Any text.

    Returns:
        Pieces, none empty, that joined are the text.
    """
    return list(chain.from_iterable(_sub_words(piece) for piece in _PIECE.findall(text)))


def _sub_words(piece: str) -> list[str]:
    if len(piece) <= _LONGEST_CHARS or not piece[-1].isalpha():
        return [piece]
    return [piece[:_STEM_CHARS], *_sub_words(piece[_STEM_CHARS:])]
