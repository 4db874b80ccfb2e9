"""Texts around tables: the opening of Sacrobosco's *Sphere* (about 1230), made-up words, Roman and Greek numerals.

The Latin is seven centuries out of copyright; its spelling follows printers of the sixteenth century (v at the
beginning of words and u within, ae ligatures, &), and long s is set by ``sheet.long_s``. The made-up words are strung
together from syllables.
"""

from __future__ import annotations

import numpy as np

SPHERE = """
Tractatum de sphæra quatuor capitulis distinguimus. Dicturi primo, quid sit sphæra, quid eius centrum, quid axis
sphæræ, quid sit polus mundi, quot sint sphæræ, & quæ sit forma mundi. In secundo, de circulis ex quibus sphæra
materialis componitur, & illa supercælestis, quæ per istam imaginatur, componi intelligitur. In tertio, de ortu &
occasu signorum, & de diuersitate dierum & noctium, quæ fit habitantibus in diuersis locis, & de diuisione climatum.
In quarto, de circulis & motibus planetarum, & de causis eclipsium. Sphæra igitur ab Euclide sic describitur. Sphæra
est transitus circumferentiæ dimidij circuli, quoties fixa diametro, quousque ad locum suum redeat, circumducitur.
Id est, sphæra est tale rotundum & solidum, quod describitur ab arcu semicirculi circumducto. Sphæra etiam à
Theodosio sic describitur. Sphæra est solidum quoddam vna superficie contentum, in cuius medio punctus est, à quo
omnes lineæ ductæ ad circumferentiam sunt æquales. Et ille punctus dicitur centrum sphæræ. Linea vero recta
transiens per centrum sphæræ, applicans extremitates suas ad circumferentiam ex vtraque parte, dicitur axis sphæræ.
Duo quidem puncta axem terminantia dicuntur poli mundi. Sphæra autem dupliciter diuiditur, scilicet secundum
substantiam, & secundum accidens. Secundum substantiam in sphæram nonam, quæ primus motus siue primum mobile
dicitur, & in sphæram stellarum fixarum, quæ firmamentum nuncupatur, & in septem sphæras septem planetarum. Secundum
accidens autem diuiditur in sphæram rectam, & sphæram obliquam. Illi enim dicuntur habere sphæram rectam, qui manent
sub æquinoctiali, si aliquis ibi manere possit. Illi vero dicuntur habere sphæram obliquam, quicunque habitant citra
æquinoctialem vel vltra. Vniuersalis autem mundi machina in duo diuiditur, in ætheream scilicet, & elementarem
regionem. Elementaris quidem alterationi continuæ peruia existens, in quatuor diuiditur. Est enim terra tanquam
mundi centrum in medio omnium sita, circa quam aqua, circa aquam aer, circa aerem ignis, illic purus & non turbidus,
orbem lunæ attingens. Quod autem cælum voluatur ab oriente in occidentem, signum est. Stellæ quæ oriuntur in
oriente, semper eleuantur paulatim & successiue, quousque in medium cæli veniant, & sunt semper in eadem
propinquitate & remotione adinuicem, & ita semper se habentes tendunt in occasum continue & vniformiter. Quod autem
terra sit rotunda, sic patet. Signa & stellæ non æqualiter oriuntur & occidunt omnibus hominibus vbique
existentibus, sed prius oriuntur & occidunt illis qui sunt versus orientem, quam illis qui sunt versus occidentem.
Quod autem aqua habeat tumorem & accedat ad rotunditatem, sic patet. Ponatur signum in littore maris, & exeat nauis
à portu, & intantum elongetur, quod oculus existentis iuxta pedem mali non possit videre signum, stante vero naui,
oculus eiusdem existentis in summitate mali bene videbit signum illud. Sed oculus existentis iuxta pedem mali melius
deberet videre signum, quam qui est in summitate, sicut patet per lineas ductas ab vtroque ad signum.
"""

WORDS: tuple[str, ...] = tuple(SPHERE.split())
SENTENCES: tuple[int, ...] = tuple(i for i in range(len(WORDS)) if WORDS[i - 1].endswith("."))
"""Places of the words that begin a sentence."""


_SYLLABLES = {
    "latin": (
        "a ab ac ad al am an ar as at au ba be bi bo bra ca ce ci cli co cu cum da de di do du e ec el em en "
        "er es et ex fa fe fi fo fu ga ge gi go gra gu ha hic ho i ia ib ic il in io is it iu la le li lo lu "
        "ma me mi mo mu na ne ni no nu o ob oc om or os pa pe pi po pra pro pu qua que qui quo ra re ri ro ru "
        "sa se si so spe sta sti su ta te ti to tra tu tur ua ue ui uo um unt ur us ut xi"
    ).split(),
    "italian": (
        "a al an ba bel ca che chi ci co con da de del di do e ec fa fi fo ga ge gio gli go il in la le li lo "
        "lun ma me mi mo na ne no o oc pa pe per pi po qua que ra re ri ro sa se si so sta su ta te ti to tra "
        "tro tu ua ue uo va zi zo"
    ).split(),
    "german": (
        "ab auf aus be ben ber chen da den der die drey eck ein en er erd es fang fer ge gen gra hal hand hei "
        "him ich ie in ist ke ler leng li ma mel mit mon nach ne nen nach ober po recht ring schei sech sel "
        "sen ses so son ste stern stund tag te ten ter theil tref un und ung ver von vor wer win zahl zei zu"
    ).split(),
    "greek": (
        "α αι αν αρ ας αυ βα γα γε γο δε δι δο ε ει εκ εν ερ ες η ημ ην ης θα θε θη ι ιν ισ κα κε κι κο κυ λα "
        "λε λη λι λο μα με μη μο να νε νη νο ξι ο οι ον ος ου πα πε πο προ ρα ρι ρο σα σε σι σο στα συ τα τας "
        "τε τη την της το τον του των υ υσ φα φε φη χα χι χρο χω ψη ω ων ως"
    ).split(),
}
_GREEK_NUMERALS = "αβγδεζηθικλμνξοπρστυφχψω"
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"))
_ROMAN_LOW = ((9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
_MARKS = ("", "", "", "", "", "", ",", ",", ".", ":", ";", "-")


def word(rng: np.random.Generator, language: str = "latin", capital: bool = False) -> str:
    """One word of one to four syllables; ``language`` is "latin", "italian", "german" or "greek"."""
    syllables = _SYLLABLES[language]
    made = "".join(syllables[i] for i in rng.integers(0, len(syllables), rng.integers(1, 5)))
    if language == "greek" and made.endswith("σ"):
        made = made[:-1] + "ς"
    return made.capitalize() if capital else made


def sentence(rng: np.random.Generator, n_words: int, language: str = "latin") -> str:
    """``n_words`` words with commas, points and a capital here and there."""
    return " ".join(
        word(rng, language, capital=i == 0 or rng.random() < 0.08) + _MARKS[rng.integers(len(_MARKS))]
        for i in range(n_words)
    )


def roman(number: int, capital: bool = True) -> str:
    """``number`` (1 to 3999) in Roman numerals; small ones end in j, as printers set them."""
    if not 1 <= number <= 3999:
        raise ValueError(f"prose.roman: got {number}, expected 1 to 3999")
    made, rest = "", number
    for value, letters in _ROMAN + _ROMAN_LOW:
        count, rest = divmod(rest, value)
        made += letters * count
    if capital:
        return made.upper()
    return made[:-1] + "j" if made.endswith("i") else made


def greek_numeral(rng: np.random.Generator) -> str:
    """One to four letters with the numeral sign, as Greek tables print their numbers."""
    letters = rng.integers(0, len(_GREEK_NUMERALS), rng.integers(1, 4))
    stroke = "," if rng.random() < 0.15 else ""
    return stroke + "".join(_GREEK_NUMERALS[i] for i in letters) + "'"
