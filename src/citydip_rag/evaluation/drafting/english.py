"""Rules for English, limited to questions that need no verb to change its form."""

from __future__ import annotations

import re
from typing import Final

from citydip_rag.evaluation.drafting.rules import Draft, Found, Rule
from citydip_rag.schema import Language

NO_TERM: Final = re.compile(
    r"^(?:he|she|it|they|this|that|these|those|we|you|i|there|here|what|who|which|where|when|how|why|if|in|on|at|by|for|from|with|as|while|although"
    r"|because|since|after|before|during|each|every|all|some|most|many|few|no|not|any|none|today|now"
    r"|so|then|thus|yet|and|or|nor|to|of|under|over|up|question|answer|example|part|note|once)\b"
    r"|\b(?:is|are|was|were|be|been|has|have|had|will|would|can|could|may|shall|which|who|whose|not)\b",
    re.IGNORECASE,
)
_BORN: Final = re.compile(r"\((?:[^)]*\b)?(?:born|\d{4} ?[–-])[^)]*\)")
_MONTH: Final = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
)
_DATE: Final = (
    rf"(?:\d{{1,2}} {_MONTH} \d{{4}}|{_MONTH} \d{{1,2}}, \d{{4}}|{_MONTH} \d{{4}}|\d{{4}})"
)
_PAST: Final = (
    r"(?:[a-z]{2,}ed|won|made|became|began|left|took|led|wrote|held|gave|met|ran|beat|lost|built|bought"
    r"|sold|paid|spent|told|kept|found|founded|drew|grew|chose|shall|must)"
)
_SECOND_CLAUSE: Final = re.compile(
    r",|;|\b(?:and|but|or|while|whereas|although|though|because|so|as|when|after|before|until)\b"
    rf".*\b(?:{_PAST}|is|are|was|were|has|have|had|will|would|can|could)\b"
)
"""What belongs to another clause than the one that is asked about."""
_PARTICIPLE: Final = (
    r"(?:[a-z]{2,}ed|born|built|made|won|held|found|written|given|taken|sold|bought|sent)"
)
_PERSON: Final = (
    r"(?:\w+(?:er|or|ee|ist|ian)|party|company|member|government|court|agency|authority|board|state"
    r"|president|committee|council|department|applicant|tenant|student)"
)
_NO_CLAUSE: Final = re.compile(r'"|\b(?:see|note|please)\b|\?', re.IGNORECASE)
_VERBS: Final = r"(?:is|are|was|were|has|have|had|can|will|must|may|[a-z]{3,}(?:s|ed))"
_BASE: Final = {
    "includes": "include",
    "comprises": "comprise",
    "consists of": "consist of",
    "contains": "contain",
    "covers": "cover",
    "supports": "support",
    "provides": "provide",
    "requires": "require",
}


_DID: Final = {
    "scored": "score",
    "made": "make",
    "won": "win",
    "played": "play",
    "spent": "spend",
    "paid": "pay",
    "sold": "sell",
    "built": "build",
    "opened": "open",
    "joined": "join",
    "moved": "move",
    "signed": "sign",
    "left": "leave",
    "returned": "return",
    "became": "become",
    "began": "begin",
    "retired": "retire",
    "published": "publish",
    "adopted": "adopt",
    "founded": "found",
}
_COUNT: Final = r"(?:\d{1,3}(?:,\d{3})*|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"


def _inside(phrase: str, found: Found) -> str:
    """A phrase that began a sentence, as it is written within one; its article is no name."""
    bare = re.sub(r"^(?:An?|The) ", lambda article: article[0].lower(), phrase)
    return bare if bare != phrase else found.inside(phrase)


def _definition(found: Found) -> Draft | None:
    """What is X? Of a person, who."""
    whole = found["x"]
    term = re.sub(r"\s*\([^)]*\)", "", whole).strip(' ,“”"')
    topic = _inside(term, found)
    subject = re.sub(r"^(?:an?|the) ", "", topic)
    if NO_TERM.search(subject) or len(subject.split()) > 6 or "," in subject:
        return None
    person = bool(_BORN.search(whole))
    asked = f"{'Who' if person else 'What'} {found['be']} {topic}?"
    if found["be"] == "means":
        asked = f"What is meant by {topic}?"
    term, topic = ("", "") if person else (subject, topic)
    return Draft("definition", asked, found.statement, Language.ENGLISH, term, topic)


def _who(found: Found) -> str | None:
    rest = found["rest"]
    words = found["x"].split()
    if NO_TERM.search(found["x"]) or found.inside(found["x"]) != found["x"]:
        return None
    if len(words) > 4 or not 5 <= len(rest.split()) <= 18 or '"' in rest:
        return None
    if not re.search(r"[A-Z]", rest) or _SECOND_CLAUSE.search(rest):  # too little, or too much
        return None
    return f"Who {rest}?"


def _who_must(found: Found) -> str | None:
    if "," in found["x"] or not 5 <= len(found["rest"].split()) <= 18:
        return None
    return f"Who {found['rest']}?"


def _whether(found: Found) -> str | None:
    """Of prose alone, and of whole sentences that need no other."""
    what = found["x"]
    if NO_TERM.match(what) or _NO_CLAUSE.search(what):
        return None
    return f"Is it true that {_inside(what, found)}?"


def _when(found: Found) -> str | None:
    subject = found["x"].strip()
    rest = found["rest"].strip(" ,")
    if len(subject.split()) > 8 or "," in subject or re.search(r"\d{4}", rest) or "," in rest:
        return None
    return (
        f"When {found['be']} {_inside(subject, found)} {found['verb']}{f' {rest}' if rest else ''}?"
    )


def _why(found: Found) -> str | None:
    subject, said = found["x"], found["said"].strip(" ,")
    if len(subject.split()) > 6 or "," in subject or not 1 <= len(said.split()) <= 14:
        return None
    return f"Why {found['be']} {_inside(subject, found)} {said}?"


def _listing(found: Found) -> str | None:
    subject, verb = found["x"], found["verb"]
    if len(subject.split()) > 7 or "," in subject or NO_TERM.search(subject):
        return None
    return f"What does {_inside(subject, found)} {_BASE[verb]}?"


def _how_many(found: Found) -> Draft:
    asked = f"How many {found['rest']}?"
    return Draft("number", asked, found.statement, Language.ENGLISH, facts=((found["n"],),))


def _did(found: Found) -> Draft | None:
    """How many, or when, did X? The one who did it stands in the question."""
    subject, rest = found["x"], found["rest"].strip()
    named = found.inside(subject) == subject and not NO_TERM.search(subject)
    if not named or _SECOND_CLAUSE.search(rest) or len(rest.split()) > 14:
        return None
    number = found.match.groupdict().get("n")
    asked = f"When did {subject} {_DID[found['verb']]} {rest}?"
    if number:
        asked = f"How many {found['what']} did {subject} {_DID[found['verb']]} {rest}?"
    elif re.search(r"\d{4}", rest):
        return None
    facts = ((number,),) if number else ()
    kind = "number" if number else "when"
    return Draft(kind, asked, found.statement, Language.ENGLISH, facts=facts)


_NAME: Final = r"(?:In all, |Overall, )?(?P<x>[A-Z][\w.'’-]*(?: [A-Z][\w.'’-]*){0,3})"
RULES: Final = (
    Rule(
        "definition",
        re.compile(
            r"(?P<x>[“\"A-Z][^:;]{2,90}?) (?P<be>is|are|means) (?:an?|the|any) (?P<y>.{25,})"
        ),
        _definition,
    ),
    Rule(
        "list",
        re.compile(rf"(?P<x>[A-Z].{{3,70}}?) (?P<verb>{'|'.join(_BASE)}) .{{15,}}$"),
        _listing,
        listing=True,
    ),
    Rule(
        "when",
        re.compile(
            rf"(?P<x>[A-Z].{{2,70}}?) (?P<be>was|were) (?P<verb>{_PARTICIPLE})\b"
            rf"(?P<rest>.{{0,60}}?) (?:in|on) {_DATE}$"
        ),
        _when,
    ),
    Rule(
        "when",
        re.compile(
            rf"(?:In|On) {_DATE}, (?P<x>.{{2,70}}?) (?P<be>was|were) (?P<verb>{_PARTICIPLE})\b"
            r"(?P<rest>.{0,60})$"
        ),
        _when,
    ),
    Rule(
        "when",
        re.compile(rf"{_NAME} (?P<verb>{'|'.join(_DID)}) (?P<rest>.{{4,70}}?) (?:in|on) {_DATE}$"),
        _did,
    ),
    Rule(
        "why",
        re.compile(
            r"(?P<x>[A-Z].{2,50}?) (?P<be>is|are|was|were) (?P<said>.{3,90}?) because .{10,}$"
        ),
        _why,
    ),
    Rule(
        "number",
        re.compile(
            r"(?P<n>\d{1,3}(?:,\d{3})*|Two|Three|Four|Five|Six|Seven|Eight|Nine|Ten|Twelve)"
            r" (?P<rest>[a-z]+(?: [a-z]+){0,4} (?:are|were|have|had) .{10,80})$"
        ),
        _how_many,
    ),
    Rule(
        "who",
        re.compile(rf"(?P<x>[A-Z][\w.'’-]*(?: [A-Z][\w.'’-]*){{0,3}}) (?P<rest>{_PAST} .+)$"),
        _who,
    ),
    Rule(
        "number",
        re.compile(
            rf"{_NAME} (?P<verb>{'|'.join(_DID)}) (?:just |only |a total of )?(?P<n>{_COUNT})"
            r" (?P<what>(?:[a-z]+ ){0,2}?[a-z]+s) (?P<rest>(?:in|for|at|on|against|with|to) .+)$"
        ),
        _did,
    ),
    Rule(
        "who",
        re.compile(
            rf"(?P<x>(?:The|An?|Each|Every) (?:[a-z]+ ){{0,3}}{_PERSON})"
            r" (?P<rest>(?:must|shall|should|may) (?!not\b).+)$"
        ),
        _who_must,
    ),
    Rule("whether", re.compile(rf"(?P<x>[A-Z].{{4,60}} {_VERBS} .{{10,80}})$"), _whether),
)
