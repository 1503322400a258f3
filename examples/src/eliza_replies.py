"""Find Eliza's reply to a sentence: patterns, and words to swap when the speaker changes."""

import re
from collections.abc import Sequence

_RULES = [
    (re.compile(pattern, re.IGNORECASE), reply)
    for pattern, reply in (
        (r"\b(?:hello|hi|good morning)\b", "Hello. What is on your mind?"),
        (r"\b(?:bye|goodbye)\b", "Goodbye. Our hour is over."),
        (r"\bi need (.+)", "What would {} do for you?"),
        (r"\bi feel (.+)", "Since when do you feel {}?"),
        (r"\bi(?:'m| am) (.+)", "What made you {}?"),
        (r"\bmy (mother|father|sister|brother)\b", "Do you think of your {} often?"),
        (r"\b(?:always|never)\b", "Is there no exception to that?"),
        (r"\?$", "What do you hope to hear?"),
    )
]
_OTHERWISE = "I see. And what does that mean to you?"

_REFLECTIONS = {"i": "you", "me": "you", "my": "your", "mine": "yours", "am": "are", "you": "me"}


def reply_to(sentence: str) -> str:
    """Return the reply to a sentence. Equal sentences get equal replies."""
    sentence = sentence.strip().rstrip(".!")
    for pattern, reply in _RULES:
        if match := pattern.search(sentence):
            return reply.format(*(_reflect(group) for group in match.groups()))
    return _OTHERWISE


def is_goodbye(sentence: str) -> bool:
    """Return whether this sentence ends the conversation."""
    return "bye" in sentence.lower()


def introduction(name: str) -> list[str]:
    """Return the sentences with which Eliza welcomes a client."""
    return [
        f"Welcome, {name or 'stranger'}.",
        "I am Eliza, and I have time for you.",
        "What would you like to talk about?",
    ]


def diagnosis(sentences: Sequence[str]) -> str:
    """Sum up many sentences in one."""
    about_me = sum(bool(re.search(r"\b(?:i|my|me)\b", each, re.IGNORECASE)) for each in sentences)
    if about_me * 2 > len(sentences):
        return "You think about yourself a lot. That is what I am here for."
    return "You speak of the world. I would like to hear more about you."


def _reflect(text: str) -> str:
    return " ".join(_REFLECTIONS.get(word.lower(), word) for word in text.split())
