"""A real text for the pages around the tables: the opening of the *Sphere* of Iohannes de Sacrobosco (about 1230).

The Latin is seven centuries out of copyright; spelling follows printers of the sixteenth century (v at the beginning of
words and u within, æ, &). Long s is set by ``setting.long_s``.
"""

from __future__ import annotations

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
