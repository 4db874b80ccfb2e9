"""Words of dates in German, French, Italian, Spanish, Latin and English, without accents and in small letters.

Each list is in regular expressions that end where a word ends. Conventions of catalogues after the rules of RAK, AACR2
and RDA and the lists of the GW and ISTC; of manuscripts (``s. XV in.``) after Derolez.
"""

from __future__ import annotations

NO_YEAR = (
    *(r"s\.? ?[adf]\.?", r"sine anno", r"sans (?:date|annee)", r"senza (?:data|anno)", r"sin (?:fecha|ano)"),
    *(
        r"n\.? ?d\.?",
        r"no date",
        r"no year",
        r"undated",
        r"n\.? ?/?a\.?",
        r"k\. ?a\.",
        r"keine angabe",
        r"o\.? ?[jd]\.?",
        r"ohne (?:jahr|datum)",
        r"undatiert",
    ),
    *(
        r"non (?:datato|date)",
        r"sans lieu ni date",
        r"date unknown",
        r"unbekannt",
        r"nicht bekannt",
        r"unknown",
        r"not known",
        r"sconosciut[ao]",
        r"desconocid[ao]",
        r"inconnue?",
        r"ignot[oa]",
    ),
)
"""The print names no year, or nobody knows it."""

ERAS = (
    *(r"v\.? ?chr\.?", r"vor christus", r"b\.? ?c\.? ?e?\.?", r"av\.? ?j\.?-?c\.?", r"avant j\S*", r"a\. ?c\. ?n?\.?"),
    *(
        r"a\. ?h\.",
        r"ah(?= ?\d)",
        r"a\. ?m\.",
        r"a\. ?u\. ?c\.",
        r"hijri",
        r"hidschra",
        r"hegire",
        r"egira",
        r"anno mundi",
    ),
)
"""Years before Christ or of another era."""

IN_PLACE_OF = (
    r"i\. ?e\.?",
    r"d\. ?h\.",
    r"d\. ?i\.",
    r"recte",
    r"vere\b",
    r"richtig",
    r"eigentlich",
    r"=",
    r"c\.-a-d\.?",
)
"""What follows is right, what stands before was printed by mistake."""

DOUBT = (
    *(r"\?", r"wohl", r"vermutlich", r"verm\.", r"wahrscheinlich", r"vielleicht", r"prob\.", r"probably", r"possibly"),
    *(r"perhaps", r"probablement", r"probabilmente", r"probablemente", r"peut-etre", r"forse", r"quiza", r"fortasse"),
    *(r"presumably", r"%"),
)

SHORTLY = (r"kurz", r"bald", r"wenig", r"unmittelbar", r"shortly", r"soon", r"peu", r"poco", r"paulo", r"nicht lange")

ABOUT = (
    *(r"ca\.?", r"cca\.?", r"c\.ca\.?", r"circa", r"zirka", r"circiter", r"c\.?(?= ?\d)", r"um", r"gegen", r"etwa"),
    *(
        r"ungefahr",
        r"about",
        r"around",
        r"approx\.?",
        r"approximately",
        r"near",
        r"environ",
        r"env\.?",
        r"vers",
        r"verso",
    ),
    *(r"intorno", r"approximativement", r"hacia", r"alrededor", r"aproximadamente", r"fl\.", r"~", r"≈", r"±"),
)

BEFORE = (r"vor", r"before", r"ante", r"avant", r"prima", r"antes", r"<", r"terminus ante quem", r"t\.a\.q\.")
UNTIL = (
    *(r"nicht nach", r"nicht spater als", r"spatestens", r"not after", r"not later than", r"no later than"),
    *(r"au plus tard", r"pas apres", r"non dopo(?: il)?", r"non oltre", r"entro", r"non post", r"no despues"),
    *(r"bis", r"until", r"till", r"up to", r"by", r"jusqu'?(?:en|a)?", r"fino", r"hasta", r"usque", r"<=", r"≤"),
)
"""The year itself is allowed."""

AFTER = (
    r"nach",
    r"n\.(?= ?\d)",
    r"after",
    r"post",
    r"apres",
    r"dopo",
    r"despues",
    r">",
    r"terminus post quem",
    r"t\.p\.q\.",
)
SINCE = (
    *(r"nicht vor", r"nicht fruher als", r"fruhestens", r"not before", r"not earlier than", r"no earlier than"),
    *(
        r"au plus tot",
        r"pas avant",
        r"non prima",
        r"non ante",
        r"no antes",
        r"seit",
        r"ab",
        r"since",
        r"from",
        r"depuis",
    ),
    *(r"a partir", r"a partire", r"dal", r"desde", r"von", r">=", r"≥"),
)
"""The year itself is allowed."""

BETWEEN = (r"zwischen", r"zw\.", r"betw?\.", r"between", r"entre", r"tra", r"fra", r"inter")
TO = (r"-", r"to", r"al", r"a(?= (?:1|ca))", r"/", r"\.\.")
AND = (
    r"und",
    r"u\.",
    r"and",
    r"&",
    r"et",
    r"y",
    r"e(?= )",
    r"oder",
    r"od\.",
    r"or",
    r"ou",
    r"o(?= )",
    r"aut",
    r"vel",
    r",",
    r";",
)

CENTURY = (
    *(r"jahrhundert(?:s|e|es)?", r"jahrh\.?", r"jhdt?s?\.?", r"jhs?\.?", r"jh", r"centur(?:y|ies)", r"cent\.?"),
    *(r"siecles?", r"sec(?:c|oli|olo)?\.?", r"siglos?", r"sigl?\.?", r"saecul(?:um|o|i)", r"saec?\.?", r"ss?\.?"),
)
NAMED_CENTURIES = {
    **{"duecento": 13, "trecento": 14, "quattrocento": 15, "cinquecento": 16, "seicento": 17, "settecento": 18},
    **{"ottocento": 19, "novecento": 20},
}
CENTURY_WORDS = {
    14: (
        r"vierzehnt\w+",
        r"fourteenth",
        r"quatorzieme",
        r"quattordicesimo",
        r"catorce",
        r"(?:quarto decimo|decimo quarto)",
    ),
    15: (r"funfzehnt\w+", r"fifteenth", r"quinzieme", r"quindicesimo", r"quince", r"(?:quinto decimo|decimo ?quinto)"),
    16: (
        r"sechzehnt\w+",
        r"sixteenth",
        r"seizieme",
        r"sedicesimo",
        r"dieciseis",
        r"(?:sexto decimo|decimo ?sexto|decimosesto)",
    ),
    17: (r"siebzehnt\w+", r"seventeenth", r"dix-septieme", r"diciassettesimo", r"diecisiete", r"(?:decimo septimo)"),
    18: (r"achtzehnt\w+", r"eighteenth", r"dix-huitieme", r"diciottesimo", r"dieciocho", r"(?:decimo octavo)"),
    19: (r"neunzehnt\w+", r"nineteenth", r"dix-neuvieme", r"diciannovesimo", r"diecinueve", r"(?:decimo nono)"),
    20: (r"zwanzigst\w+", r"twentieth", r"vingtieme", r"ventesimo", r"veinte"),
}

_ORDINALS = {
    1: r"1\.|1st|1re|1ere|1er|1a|1|erste[nrs]?|first|premiere?|prim[aoe]r?a?|prior|i",
    2: r"2\.|2nd|2d|2de|2e|2eme|2a|2|zweite[nrs]?|second[aeo]?|deuxieme|segund[ao]|secunda|altera|posterior|ii",
    3: r"3\.|3rd|3e|3eme|3a|3|dritte[nrs]?|third|troisieme|terz[oa]|tercera?|tercero|terti[ao]|iii",
    4: r"4\.|4th|4e|4eme|4a|4|vierte[nrs]?|fourth|quatrieme|quart[oa]|cuart[oa]|iv",
    -1: r"letzte[nrs]?|last|derniere?|ultim[oa]|postrem[ao]",
}
_PIECES = {
    2: r"halfte|h\.|half|moitie|meta|mitad|medietas|parte?s?",
    3: r"drittel|third|tiers|terzo|tercio",
    4: r"viertel|quarter|quart[oe]?|cuarto",
    10: r"jahrzehnt|decade|decennie|decennio|decada|decenio",
}


def pieces() -> list[tuple[str, int, int]]:
    """Parts of a century that are counted: the regular expression, which one (from 1; -1 the last), of how many."""
    return [
        (rf"(?:{ordinal}) ?(?:{piece})", number, n_pieces)
        for n_pieces, piece in _PIECES.items()
        for number, ordinal in _ORDINALS.items()
        if number <= n_pieces
    ]


BEGINNING = (
    *(r"anfang", r"anf\.", r"beginn", r"beginning", r"early", r"fruh(?:es|en)?", r"debut", r"commencement", r"inizio?"),
    *(r"principios?", r"comienzos?", r"inicios?", r"in\.", r"ineunt(?:e|is)", r"initio", r"init\."),
)
MIDDLE = (r"mitte", r"mid(?:dle)?-?", r"milieu", r"meta", r"mediados", r"med\.?", r"medio", r"medii")
END = (r"ende", r"end", r"late", r"spat(?:es|en)?", r"fin", r"fine", r"finales", r"fines", r"ex\.?", r"exeunt(?:e|is)")
TURN = (r"wende", r"turn", r"tournant", r"svolta")

DECADE_BEFORE = (r"annees", r"anni", r"anos", r"decade")
REPUBLIC = (r"an", r"l'an", r"l’an")

CALENDARS = (r"more veneto", r"m\. ?v\.", r"stile (?:veneto|fiorentino)", r"ab incarnatione", r"old style", r"o\. ?s\.")
"""Years that began in spring, so that a date may be of the next one as we count."""

_MONTHS = (
    r"jan(?:uar|uary|vier)?", r"gennaio", r"enero", r"ianuari\w*", r"feb(?:ruar|ruary|braio|rero)?", r"fevrier",
    r"febru\w*", r"mar(?:z|ch|s|zo|ti\w*)?", r"marz", r"apr(?:il|ile|ilis)?", r"avril", r"abril", r"ma[iy]", r"maggio",
    r"mayo", r"mai[iou]\w*", r"jun[ie]?", r"juin", r"giugno", r"junio", r"iuni\w*", r"jul[iy]?", r"juillet", r"luglio",
    r"julio", r"iuli\w*", r"aug(?:ust|usti|ustus)?", r"aout", r"agosto", r"sep(?:t|tember|tembre|tembris)?",
    r"septiembre", r"settembre", r"o[ck]t(?:ober|obre|obris)?", r"octubre", r"ottobre", r"nov(?:ember|embre|embris)?",
    r"noviembre", r"de[cz](?:ember|embre|embris)?", r"diciembre", r"dicembre", r"kal(?:endas)?", r"id(?:us|ibus)",
    r"non(?:as|is)", r"pridie",
)  # fmt: skip

_SEASONS = (
    *(r"sommer", r"winter", r"herbst", r"fruhjahr", r"fruhling", r"summer", r"autumn", r"spring", r"ete", r"hiver"),
    *(r"automne", r"printemps", r"estate", r"inverno", r"autunno", r"primavera", r"verano", r"invierno", r"otono"),
)

HARMLESS = (
    *_MONTHS,
    *_SEASONS,
    *(
        r"anno",
        r"annus",
        r"ano",
        r"jahr(?:e|es|en)?",
        r"years?",
        r"annee",
        r"in",
        r"im",
        r"am",
        r"i",
        r"j",
        r"the",
        r"of",
        r"des",
    ),
    *(
        r"der",
        r"die",
        r"das",
        r"den",
        r"dem",
        r"vom",
        r"zum",
        r"de",
        r"del",
        r"della",
        r"dello",
        r"dei",
        r"du",
        r"d",
        r"la",
    ),
    *(
        r"le",
        r"les",
        r"l",
        r"el",
        r"los",
        r"il",
        r"lo",
        r"as?",
        r"aux?",
        r"en",
        r"que",
        r"quam",
        r"domini",
        r"dni",
        r"christi",
    ),
    *(
        r"mense",
        r"salutis",
        r"n\. ?chr\.?",
        r"nach christus",
        r"a\.? ?d\.?",
        r"c\.? ?e\.?",
        r"ap\. ?j\.?-?c\.?",
        r"d\. ?c\.",
    ),
    *(
        r"republique",
        r"rep\.",
        r"gedruckt",
        r"printed",
        r"erschienen",
        r"impr(?:\.|essum|essus|ime|eso)?",
        r"stampato",
        r"publ\.?",
        r"published",
    ),
    *(
        r"date[ds]?",
        r"dat\.",
        r"datiert",
        r"datato",
        r"\(",
        r"\)",
        r"\[",
        r"\]",
        r"\.",
        r":",
        r"'",
        r"\"",
        r"als",
        r"t",
    ),
)
"""Words and signs beside a year that change nothing about it."""
