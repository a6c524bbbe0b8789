#!/usr/bin/env python3
"""Makes the goldens of bertune-tokenize: what transformers' fast BERT tokenizer gives.

    python tools/tokenizer_goldens.py
        writes vocab.txt, goldens.jsonl.gz and windows.jsonl.gz to
        crates/bertune-tokenize/tests/goldens/: a small vocabulary of our own under five settings,
        and under the first of them long inputs in windows, with `stride`.

    python tools/tokenizer_goldens.py --folder FOLDER --output FILE.jsonl.gz
        the same cases with a real tokenizer, which is opened by AutoTokenizer. Compare with
            BERTUNE_TOKENIZER_GOLDENS=FILE.jsonl.gz BERTUNE_TOKENIZER=FOLDER \\
                cargo test -p bertune-tokenize --test parity -- --ignored

Needs `pip install transformers tokenizers` (the versions used are in the first line of the
output). All texts are written here or drawn by a generator with a fixed seed.

Output: a header, one line for each setting, one line for each case. A case holds, for each
setting, [ids, number of tokens of type 1, offsets as start, end, start, end, …] or, where
transformers raises, the message.
"""

import argparse
import datetime
import gzip
import json
import random
import sys
import tempfile
import unicodedata
from pathlib import Path

import tokenizers
import transformers
from transformers import AutoTokenizer

SEED = 20
GOLDENS = Path(__file__).resolve().parent.parent / "crates/bertune-tokenize/tests/goldens"

SETTINGS = {
    "uncased": {"do_lower_case": True},
    "cased": {"do_lower_case": False},
    "uncased_with_accents": {"do_lower_case": True, "strip_accents": False},
    "cased_without_accents": {"do_lower_case": False, "strip_accents": True},
    "chinese_words": {"do_lower_case": True, "tokenize_chinese_chars": False},
}

# Letters of the scripts that the generator writes words in.
SCRIPTS = {
    "latin": "abcdefghijklmnopqrstuvwxyz",
    "latin upper": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "latin accents": "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿœšžğışłńśźżőűđðþßĳŉǰ",
    "latin upper accents": "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝŸŒŠŽĞİŞŁŃŚŹŻŐŰĐÐÞẞǅ",
    "vietnamese": "ạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹđơư",
    "cyrillic": "абвгдежзийклмнопрстуфхцчшщъыьэюяёїєґўАБВЙЁЇ",
    "greek": "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊΐΑΒΣΩΆ",
    "hebrew": "אבגדהוזחטיכלמנסעפצקרשתםןץףך",
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهويءآأؤإئىةپچژگ",
    "hindi": "अआइईउऊएऐओऔकखगघचछजझटठडढणतथदधनपफबभमयरलवशषसहािीुूेैोौं्ँः",
    "bengali": "অআইকখগঘচছজটতদনপবমরলশসহািীুেো্",
    "tamil": "அஆஇஈகஙசஞடணதநபமயரலவழளறனாிீுெேை்",
    "thai": "กขคงจชซญดตถทนบปผพฟมยรลวสหอฮะาิีึืุูเแโใไ่้๊๋์",
    "georgian": "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
    "armenian": "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆԱԲԳ",
    "chinese": "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可里后小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长",
    "chinese rare": "㐀㒨䶵𠀀𠮷𪚥𪜀𫝀𫠝𬺰豈﨑",
    "japanese": "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをんがぎぐパピプアイウエオカキクケコサシスセソタチツテトナニヌネノー々日本語東京都",
    "korean": "가나다라마바사아자차카타파하한국어말글은는이을를의에서도와과로",
    "jamo": "ㄱㄴㄷㅏㅑㅓ각힣",
    "ethiopic": "ሀለሐመሠረሰሸቀበተኀነአከወዐዘየደገጠጰጸፀፈፐ",
    "digits": "0123456789٠١٢٣٤٥٦٧٨٩०१२३๑๒๓①②③½¾²³Ⅷ",
    "math": "𝐀𝐁𝒜𝔸𝕏𝟘𝟙ⅈ∑∏√∞≈≠≤≥±×÷",
    "full width": "ＡＢＣａｂｃ１２３！？（）",
    "emoji": "😀😂🥺👍🎉🔥🚀🐍🦀☕✈❤☺",
}

PIECES = """
the of and to in is was for on that with as it he she they we you are be have not this but from
by at or an which what who when where why how all one two three first last new old good bad
great movie film plot actor play play##ing play##ed work work##s work##ing ##ing ##ed ##s ##ly
##er ##est ##ness ##tion ##ment ##able un re pre dis ##un ##re token token##ize ##ize ##izer
word word##piece ##piece hello world Hello World The It I He refund order cafe café Café naive
naïve resume résumé uber über strasse straße istanbul i̇stanbul angstrom ångström http https www
com org ##com ##org don can won ##t don't 's 're ll ve 19 20 21 ##19 ##20 ##00 100 000 ##000
привет мир мира ##ова ##ть καλημέρα κόσμε καλημερα κοσμε ##ος שלום ##ים مرحبا ال ##ون नमस्ते
नमस ##ते สวัสดี ##ดี 中国 中 国 北京 東京 日本 ##国 ##京 こんにちは ##ます です 안녕 하세요 ##하세요
##다 한국 ##어 [ ] ## # ' mask sep cls unk MASK SEP pad ##ee ##aa aa aaa ##aaa
""".split()

TEXTS = [
    "", " ", "   ", "\t", "\n", "\r\n", "\n\n\t ", "\u00a0", "\u3000", "\u2003\u2009\u200a", "\u2028\u2029",
    "a", "A", " a ", "Hello, world!", "The movie was great, wasn't it?", "I don't think he'll refund the order.",
    "play playing played works working worked unplayable retokenizer wordpieces", "HELLO WORLD Hello World hello world",
    "café Café CAFÉ cafe\u0301 CAFE\u0301", "naïve nai\u0308ve résumé re\u0301sume\u0301", "Ångström A\u030angstro\u0308m \u212bngström",
    "İstanbul ISTANBUL ıstanbul i\u0307stanbul", "STRASSE Straße straße STRAẞE", "ǅ Ǆ ǆ Ŀ ﬁ ﬀ ﬄ ŉ ΐ", "Σίσυφος ΣΊΣΥΦΟΣ σ ς Σ",
    "Привет, мир! Ёлка и йод, Їжак", "Καλημέρα κόσμε!", "שלום עולם", "שָׁלוֹם עֲלֵיכֶם", "مرحبا بالعالم", "مَرْحَبًا بِٱلْعَالَمِ", "السلام\u0640\u0640عليكم",
    "नमस्ते दुनिया", "क्षत्रिय ज्ञान श्री", "สวัสดีชาวโลก ภาษาไทย", "你好，世界！", "中国北京 北京大学", "東京都に住んでいます。", "これはペンです", "カタカナ ｶﾀｶﾅ が か\u3099",
    "안녕하세요 세계", "한국어 \u1112\u1161\u11ab\u1100\u116e\u11a8", "中english中english", "abc中def国ghi", "ሰላም ልዑል", "გამარჯობა მსოფლიო", "Բարեւ աշխարհ", "வணக்கம் உலகம்", "হ্যালো বিশ্ব",
    "😀", "😀😂🥺", "I ❤️ you", "I ❤ you", "👍🏽 👍🏿", "👨‍👩‍👧‍👦 family", "🏳️‍🌈 🏴‍☠️", "🇩🇪🇫🇷🇯🇵", "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", "1️⃣2️⃣ #️⃣", "good😀movie", "🤷🏻‍♀️ ok",
    "a\u0000b", "\u0000", "a\u0001b\u0002c", "bell\u0007 back\u0008space del\u007f", "\u0080\u0085\u009f", "a\u0085b", "a\u001cb\u001db\u001eb\u001fb", "vertical\u000btab form\u000cfeed",
    "zero\u200bwidth", "zero\u200cwidth\u200djoin", "word\u2060joiner", "soft\u00adhyphen", "\ufeffbom at start", "bom\ufeffinside", "\u200eleft\u200f right\u202eoverride\u202c", "\u2066isolate\u2069", "\u061carabic mark",
    "\ufffd", "a\ufffdb", "\ufffc object", "\ud7ff \ue000 \uf8ff", "\ue000private", "\ufdd0\ufffe\uffff", "\U0001fffe\U0010ffff", "\U000f0000", "\U000e0001tag", "\u180e mongolian", "\u2800 braille ⠓⠑", "\u115f\u1160 fillers \u3164",
    "a\u0301\u0302\u0303\u0304\u0305\u0306b", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!", "\u0301", "\u0301\u0302 \u0303", " \u0301a", "e\u20dd c\u20e3", "\u0345 ᾳ ᾴ", "ộ o\u0323\u0302 o\u0302\u0323",
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "...", "…", "¿Qué? ¡No!", "«guillemets» „quotes“ ‚single‘ ‹x›", "em—dash en–dash ‐ ‑ ‒ ―", "price: $5, €10, £3, ¥100, ₹5, ₿1", "a+b=c<d>e|f~g^h`i", "©2020 ®™ § ¶ † ‡ • °", "『』「」、。・〜", "؟ ، ؛ ۔ ।", "_under_score__", "a_b-c'd", "50% off 3.14 1,000,000 2020-01-31 10:30", "٣٤٥ १२३ ๑๒๓ １２３ ①② Ⅷ ½ x²",
    "https://www.example.org/path?q=1&r=%20#top", "mail@example.com", "C:\\Users\\x", "#hashtag @user", "{\"json\": [1, 2]}", "<p class='x'>html &amp; co</p>", "f(x) = x ** 2  # comment",
    "[SEP]", "[MASK]", "[CLS] a [SEP] b [SEP]", "the [MASK] of", "the[MASK]of", "[mask] [sep] [unk]", "[UNK] [PAD]", "[ MASK ]", "[MASK", "[[MASK]]", "[MASK][MASK]", "\u200b[MASK]\u0301", "[SEP]\n[SEP]", "[unused1] [unused12]", "##ing ##", "# #ing", "中[SEP]国",
    "line one\nline two\r\nline three\rline four", "tab\tseparated\tvalues", "nbsp\u00a0between\u202fwords\u2007too", "many     spaces      here", " leading and trailing ", "\u1680ogham\u205fspace",
    "aaa" * 33 + "a", "aaa" * 33, "aaa" * 33 + "aa", "x" * 200, "the" * 60, "é" * 100, "e\u0301" * 60, "e\u0301" * 100, "中" * 120, "가" * 101, "😀" * 100, "😀" * 101, "\u0301" * 150, "a" + "\u0301" * 150, "-" * 130, "ab" * 50 + " " + "ab" * 51, "ı" * 101, "İ" * 60, "ß" * 100, "ﬃ" * 40, "한" * 50, "\u200b" * 120, "a\u200b" * 101, "1" * 300, "[MASK]" * 20, ". " * 80, "the movie " * 90,
]

RANGES = [
    0x4E00, 0x9FFF, 0x3400, 0x4DBF, 0x20000, 0x2A6DF, 0x2A700, 0x2B73F, 0x2B740, 0x2B81F,
    0x2B820, 0x2B920, 0x2CEAF, 0xF900, 0xFAFF, 0x2F800, 0x2FA1F, 0x3040, 0x30FF, 0xAC00, 0xD7A3,
    0x0080, 0x00A0, 0x0300, 0x036F, 0x2000, 0x206F, 0xFE00, 0xFE0F, 0x1F1E6, 0x1F3FB,
]  # fmt: skip


def vocabulary():
    """Special tokens, pieces, and the letters of the scripts; a few letters are left out."""
    tokens = ["[PAD]"] + [f"[unused{n}]" for n in range(10)] + ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    for piece in PIECES:
        head, mark, tail = piece.partition("##")
        tokens += [piece] if not (head and mark) else [head, mark + tail]
    tokens += [chr(code) for code in range(0x21, 0x7F)]
    tokens += list("¡¿«»–—‘’“”…€£¥©®°•、。，！？（）「」؟،।×")
    for name, letters in SCRIPTS.items():
        kept = [letter for place, letter in enumerate(letters) if place % 11 != 10]
        for letter in kept if name != "jamo" else letters:
            plain = unicodedata.normalize("NFD", letter)
            plain = "".join(c for c in plain if unicodedata.category(c) != "Mn")
            forms = [letter, letter.lower(), plain, plain.lower()]
            tokens += forms + ["##" + form for form in forms]
    marks = "\u0301\u0302\u0308\u0327\u3099\u0307\u200d\ufe0f\u093e\u094d"
    tokens += [prefix + mark for mark in marks for prefix in ("", "##")]
    blank = ("", "##")
    return [token for token in dict.fromkeys(tokens) if token not in blank or token == "##"]


def word(draw, letters):
    return "".join(draw.choice(letters) for _ in range(draw.choice([1, 1, 2, 3, 4, 6, 9])))


def sentence(draw, letters):
    joins = [" ", " ", " ", " ", ", ", ". ", "-", "\u00a0", "\n", ""]
    return "".join(word(draw, letters) + draw.choice(joins) for _ in range(draw.randint(1, 9)))


def any_character(draw, top):
    while True:
        code = draw.randrange(top)
        if not 0xD800 <= code <= 0xDFFF:
            return chr(code)


def by_category():
    """Up to eight characters of every general category, spread over its range."""
    found = {}
    for code in range(sys.maxunicode + 1):
        found.setdefault(unicodedata.category(chr(code)), []).append(chr(code))
    found.pop("Cs")
    for _, characters in sorted(found.items()):
        step = max(1, len(characters) // 8)
        yield from characters[::step][:8]


def singles(draw):
    yield from TEXTS
    for letters in SCRIPTS.values():
        yield from (sentence(draw, letters) for _ in range(12))
    yield from (f"a{c}b {c} {c}{c}the" for c in by_category())
    for code in RANGES:
        yield "a".join(chr(near) for near in (code - 1, code, code + 1))
    for top in (0x80, 0x300, 0x3000, 0x10000, 0x110000):
        for _ in range(24):
            yield "".join(any_character(draw, top) + draw.choice(["", "", " "]) for _ in range(12))
    for _ in range(160):
        yield draw.choice(["", " "]).join(fragment(draw) for _ in range(draw.randint(2, 5)))


def fragment(draw):
    kind = draw.randrange(4)
    if kind == 0:
        return draw.choice(TEXTS)[:40]
    if kind == 1:
        return draw.choice(["[SEP]", "[MASK]", "[CLS]", "\u200d", "\u0301", "\u0000", "\ufeff"])
    return sentence(draw, draw.choice(list(SCRIPTS.values())))


def cases():
    """All cases as (text, text_pair, max_length, truncation)."""
    draw = random.Random(SEED)
    for text in singles(draw):
        yield text, None, 128, "longest_first"
    strategies = ["longest_first", "only_first", "only_second"]
    lengths = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 17, 24, 33, 64, 128]
    for number in range(480):
        strategy = strategies[number % 3]
        length = lengths[number // 3 % len(lengths)]
        # Both texts reach from nothing to far too long.
        first, second = (
            "".join(fragment(draw) + " " for _ in range(draw.choice([0, 1, 1, 2, 4])))
            for _ in range(2)
        )
        yield first, second, length, strategy
    for number in range(90):
        text = "".join(fragment(draw) + " " for _ in range(3))
        yield text, None, ([2] + lengths)[number % 17], strategies[number % 3]
    yield from (("", "", 128, s) for s in strategies)
    yield from (("a " * 9, "b " * n, 8, "longest_first") for n in range(12))


def window_cases():
    """Cases as (text, text_pair, max_length, truncation, stride)."""
    draw = random.Random(SEED + 1)
    for number in range(120):
        texts = ["".join(fragment(draw) + " " for _ in range(draw.choice([1, 4, 9]))) for _ in "ab"]
        strategy = ["longest_first", "only_first", "only_second"][number % 3]
        pair = None if number % 3 == 0 else texts[1]
        yield texts[0], pair, draw.choice([12, 24, 64]), strategy, draw.choice([0, 1, 4, 8])


def encode_windows(tokenizer, case):
    """Each window as `encode` gives a whole input, or the message of what transformers raises."""
    text, pair, max_length, truncation, stride = case
    kept = 0 if pair is None else len(tokenizer(pair if truncation == "only_first" else text)["input_ids"]) - 2
    room = max_length - (2 if pair is None else 3) - kept
    if 0 < room <= stride:
        return "stride"  # transformers panics here
    found = tokenize(tokenizer, case[:4], stride=stride, return_overflowing_tokens=True)
    if isinstance(found, str):
        return found
    columns = zip(found["input_ids"], found["token_type_ids"], found["offset_mapping"])
    return [[i, sum(t), [end for offset in o for end in offset]] for i, t, o in columns]


def tokenize(tokenizer, case, **settings):
    """What transformers gives for a case, or the message of what it raises."""
    text, pair, max_length, truncation = case
    try:
        # As a batch of one: called with plain strings, transformers drops an empty second text.
        return tokenizer(
            [text],
            None if pair is None else [pair],
            truncation=truncation,
            max_length=max_length,
            padding=False,
            return_offsets_mapping=True,
            **settings,
        )
    except Exception as fault:  # the tokenizers crate raises nothing more special
        assert "Truncation error" in str(fault), fault
        return str(fault)


def encode(tokenizer, case):
    found = tokenize(tokenizer, case)
    if isinstance(found, str):
        return found
    types = found["token_type_ids"][0]
    assert types == sorted(types)
    offsets = [end for offset in found["offset_mapping"][0] for end in offset]
    return [found["input_ids"][0], sum(types), offsets]


def own_tokenizers(vocab):
    """For each setting, the tokenizer that AutoTokenizer opens, and the file it saves."""
    for name, settings in SETTINGS.items():
        with tempfile.TemporaryDirectory() as folder:
            config = {"tokenizer_class": "BertTokenizer", "model_max_length": 512, **settings}
            Path(folder, "vocab.txt").write_text("".join(f"{token}\n" for token in vocab), "utf-8")
            Path(folder, "tokenizer_config.json").write_text(json.dumps(config))
            tokenizer = AutoTokenizer.from_pretrained(folder)
            saved = json.loads(tokenizer.backend_tokenizer.to_str())
            yield {"name": name, "tokenizer_config": config, "tokenizer_json": saved}, tokenizer


def write(path, settings, lines):
    header = {
        "made_by": "tools/tokenizer_goldens.py",
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "python": sys.version.split()[0],
        "seed": SEED,
        "date": datetime.date.today().isoformat(),
        "settings": len(settings),
        "cases": len(lines),
    }
    text = "".join(
        json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"
        for line in [header, *settings, *lines]
    )
    with open(path, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text.encode("utf-8"))
    print(f"{path}: {len(lines)} cases, {len(settings)} settings")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", help="a real tokenizer, instead of our own vocabulary")
    parser.add_argument("--output", help="the file to write with --folder")
    arguments = parser.parse_args()
    if bool(arguments.folder) != bool(arguments.output):
        parser.error("--folder and --output go together")
    if arguments.folder:
        pairs = [({"name": "folder"}, AutoTokenizer.from_pretrained(arguments.folder))]
        output = Path(arguments.output)
    else:
        GOLDENS.mkdir(parents=True, exist_ok=True)
        vocab = vocabulary()
        Path(GOLDENS, "vocab.txt").write_text("".join(f"{token}\n" for token in vocab), "utf-8")
        pairs = list(own_tokenizers(vocab))
        output = GOLDENS / "goldens.jsonl.gz"
    lines = [
        {"case": case, "expected": [encode(tokenizer, case) for _, tokenizer in pairs]}
        for case in cases()
    ]
    write(output, [setting for setting, _ in pairs], lines)
    if not arguments.folder:
        setting, tokenizer = pairs[0]
        lines = [{"case": c, "expected": encode_windows(tokenizer, c)} for c in window_cases()]
        write(GOLDENS / "windows.jsonl.gz", [setting], lines)


if __name__ == "__main__":
    main()
