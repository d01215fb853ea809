"""Strings of mixed scripts, the same on every machine."""

import hashlib
import json
import random

_ALPHABETS = (
  *("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOP", "0123456789"),
  *("éèüñçßøåőž", "абвгдежзийклмн", "αβγδεζηθ", "ქართული", "አማርኛ"),
  *("אבגדהוזח", "ابتثجحخد", "हिन्दीभाषा", "தமிழ்", "ไทยภาษา", "한국어서울"),
  *(
    "日本語漢字東京",
    "ひらがなカタカナ",
    "ｱｲｳＡＢＣ１２",
    "ﬁﬂ①²½㎏Ⅷ",
    "\U0001d518\U0001d54f\U0001d49c",
  ),
  *("🎈🐈👩🏽🚀🇩🇪❤\ufe0f\u200d", "\u0301\u0308\u0327\u0323\u20dd"),
  "\u200b\u200d\u200c\u00ad\u2060\ufeff\u200e\u202e",
  "\x00\x01\x07\x1b\x1c\x7f\x85\x9f",
  *(
    "\t\n\r\x0b\x0c",
    "     ",
    "\u3000\u00a0\u2003\u2028\u1680",
    "▁\u00b4¨\u00b8",
  ),
  *("<>/_-.,;:!?'\"()[]{}@#$%^&*+=~`|\\", "\ufffd\U0010ffff\ue000"),
)
_NAMES = (
  *("<extra_id_0>", "<extra_id_7>", "<extra_id_99>", "<extra_id_100>"),
  *("<extra_id_124>", "<extra_id_125>", "<extra_id_01>", "<extra_id_1"),
  *("</s>", "<pad>", "<unk>", "<s>", " </s> ", "<0x41>"),
)
COUNT = 10_100  # of which transformers misreads some
FIRST = ("", " ", "a", " a ", "a  b", "</s>", " <pad> ", "a</s></s>")


def strings(count: int = COUNT, seed: int = 0) -> list[str]:
  """Draws strings of a few words, each of one script or of names of tokens."""
  # `random` alone is promised to draw the same in later versions.
  draw = random.Random(seed).random
  below = lambda n: int(draw() * n)
  pick = lambda of: of[below(len(of))]

  def word() -> str:
    # Each letter once: aaa may be cut into a and aa either way round.
    alphabet = list(pick(_ALPHABETS))
    count = min(1 + below(6), len(alphabet))
    letters = "".join(alphabet.pop(below(len(alphabet))) for _ in range(count))
    name = pick(_NAMES) if draw() < 0.05 else ""
    return letters + (1 + below(3)) * " " * (draw() < 0.5) + name

  drawn = ("".join(word() for _ in range(1 + below(8))) for _ in range(count))
  return [*FIRST, *drawn][:count]


def digest(texts_or_ids) -> str:
  """Of lists of strings or of ids."""
  return hashlib.sha256(json.dumps(texts_or_ids).encode()).hexdigest()


def ids(tokenizer, texts) -> list[list[int]]:
  """What our tokenizer makes of texts, without padding."""
  tokens, mask = tokenizer(texts)
  return [row[real].tolist() for row, real in zip(tokens, mask, strict=True)]
